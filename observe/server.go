package observe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/daemoneye/eventbus/bus"
)

// Bounds of what a client can hold up.
const (
	readTimeout    = 5 * time.Second
	writeTimeout   = 30 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 16 << 10
	maxConnections = 64
	// stopTimeout is how long Serve lets requests finish.
	stopTimeout = 5 * time.Second
)

// Server serves the endpoints of a bus. Make one with [Start].
type Server struct {
	url    string
	http   *http.Server
	cancel context.CancelFunc // ends requests that would take their time

	serving sync.WaitGroup
	err     error // of the goroutine that serves; valid when that has ended
}

// Start listens and returns when clients can connect. ctx bounds the start, not the server. Nil options are the defaults.
//
// It returns an [*OptionError] for an option that it cannot accept, such as an address that is not loopback, and the cause if
// the address is taken; nothing is left behind then.
func Start(ctx context.Context, b bus.Bus, options *Options) (*Server, error) {
	o, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	mux, err := newMux(b, &o)
	if err != nil {
		return nil, fmt.Errorf("observe: start: %w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("observe: start: %w", err)
	}
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &Server{url: "http://" + listener.Addr().String(), cancel: cancel}
	s.http = &http.Server{
		Handler: localOnly(mux), ReadTimeout: readTimeout, ReadHeaderTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeaderBytes, ErrorLog: errorLog(o.Logger),
		BaseContext: func(net.Listener) context.Context { return requests },
	}
	s.serving.Go(func() {
		if err := s.http.Serve(newLimited(listener, maxConnections)); !errors.Is(err, http.ErrServerClosed) {
			s.err = fmt.Errorf("observe: serve: %w", err)
			o.Logger.Error("metrics are no longer served", "url", s.url, "error", err)
		}
	})
	o.Logger.Info("serving metrics and health", "url", s.url)
	return s, nil
}

// URL returns where the server is, such as http://127.0.0.1:9464, without a slash at its end.
func (s *Server) URL() string { return s.url }

// Stop ends the server: it accepts nothing more, lets the requests that it has finish, and returns when nothing of it is left. When ctx
// ends first, it cuts them off and returns an error that matches the context's. It also returns why the server had ended before, if it
// had. A second call does the same.
func (s *Server) Stop(ctx context.Context) error {
	s.cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("observe: stop: requests were cut off: %w", err), s.http.Close())
	}
	s.serving.Wait()
	return errors.Join(err, s.err)
}

// Serve serves until ctx ends, and returns nil when it has stopped. It returns the errors of [Start] and [Server.Stop].
func Serve(ctx context.Context, b bus.Bus, options *Options) error {
	s, err := Start(ctx, b, options)
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() { defer close(ended); s.serving.Wait() }()
	select {
	case <-ctx.Done():
	case <-ended:
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	defer func() { <-ended }()
	return s.Stop(stopping)
}

// hostOf returns the host of a Host header, which may have a port and an address in brackets.
func hostOf(header string) string {
	if host, _, err := net.SplitHostPort(header); err == nil {
		return host
	}
	return strings.Trim(header, "[]")
}
