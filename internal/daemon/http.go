package daemon

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/rendezvous"
	"github.com/daemoneye/eventbus/observe"
)

// HTTP is the table [http] of a configuration: metrics, health and a page.
type HTTP struct {
	Listen string `toml:"listen"` // a loopback address; empty is none
	Page   bool   `toml:"page"`   // with a page for people
	Events bool   `toml:"events"` // which shows events to who has its link
	Pprof  bool   `toml:"pprof"`  // with profiles
}

// DefaultHTTP returns the defaults.
func DefaultHTTP() HTTP { return HTTP{Page: true} }

// Validate is called by [eventbus.Load].
func (h *HTTP) Validate() error {
	var problems []error
	if problem := h.problem(); problem != "" {
		problems = append(problems, &eventbus.ConfigError{Key: "http.listen", Value: fmt.Sprintf("%q", h.Listen), Reason: problem})
	}
	if h.Events && !h.Page {
		problems = append(problems, &eventbus.ConfigError{Key: "http.events", Value: "true", Reason: "is for the page, and http.page is false"})
	}
	return errors.Join(problems...)
}

// problem says what is wrong with the address, "" if nothing is.
func (h *HTTP) problem() string {
	if h.Listen == "" {
		return ""
	}
	invalid, ok := errors.AsType[*observe.OptionError]((&observe.Options{Listen: h.Listen}).Validate())
	if !ok {
		return ""
	}
	return invalid.Reason
}

// OverrideHTTP puts the flags on top of the table. It returns a [*UsageError] for one that is wrong or could have no effect.
func (f *Flags) OverrideHTTP(h *HTTP) error {
	if f.HTTP != "" {
		h.Listen = f.HTTP
		if problem := h.problem(); problem != "" {
			return &UsageError{fmt.Sprintf("--http %s: %s", f.HTTP, problem)}
		}
	}
	if f.HTTPEvents {
		switch {
		case h.Listen == "":
			return &UsageError{"--http-events: there is no page without --http or http.listen"}
		case !h.Page:
			return &UsageError{"--http-events: http.page is false, so there is no page"}
		}
		h.Events = true
	}
	return nil
}

// HTTPServer serves what the table says. Make one with [StartHTTP].
type HTTPServer struct {
	server *observe.Server
	page   bool
	link   string // the file with the page's secret link, "" if there is none
	text   []byte // in it
}

// StartHTTP starts the server for a bus, and returns nil if the table says that there is none.
//
// The link that shows events has a token that is new at each start. It is written to a file of mode 0600 beside the bus's socket, and
// nowhere else: what is printed and logged may end up where others can read it.
func StartHTTP(ctx context.Context, b bus.Bus, table HTTP, logger *slog.Logger) (*HTTPServer, error) {
	if table.Listen == "" {
		return nil, nil
	}
	options := &observe.Options{Listen: table.Listen, Page: table.Page, Profiles: table.Pprof, Logger: logger}
	if table.Events {
		options.EventsToken = rand.Text()
	}
	server, err := observe.Start(ctx, b, options)
	if err != nil {
		return nil, err
	}
	s := &HTTPServer{server: server, page: table.Page}
	if !table.Events {
		return s, nil
	}
	if err := s.writeLink(b, options.EventsToken); err != nil {
		return nil, errors.Join(fmt.Errorf("the link of the page: %w", err), server.Stop(ctx))
	}
	return s, nil
}

// writeLink writes the link, to a file that is named after the address: several processes may share the directory.
func (s *HTTPServer) writeLink(b bus.Bus, token string) error {
	dir, err := linkDir(b)
	if err != nil {
		return err
	}
	address := strings.TrimPrefix(s.server.URL(), "http://")
	s.link = filepath.Join(dir, "page-"+strings.NewReplacer(":", "_", "[", "", "]", "").Replace(address))
	s.text = []byte(s.server.URL() + "/#token=" + token + "\n")
	return rendezvous.WritePrivate(s.link, s.text)
}

// linkDir returns a directory that nobody else can write to: that of the socket, if it is this process that serves there.
func linkDir(b bus.Bus) (string, error) {
	if listener, ok := bus.As[eventbus.Listener](b); ok && !listener.Endpoints().Attached {
		return filepath.Dir(listener.Endpoints().Socket), nil
	}
	socket, err := rendezvous.DefaultSocket()
	if err != nil {
		return "", err
	}
	dir := filepath.Dir(socket)
	// If it is there for other users to pass through, the file's own mode is the guard.
	if err := rendezvous.PrepareDir(dir); err != nil && rendezvous.PrepareSharedDir(dir) != nil {
		return "", err
	}
	return dir, nil
}

// Describe says where the metrics and the page are, in lines.
func (s *HTTPServer) Describe() string {
	if s == nil {
		return ""
	}
	text := fmt.Sprintf("metrics: %s/metrics\n", s.server.URL())
	switch {
	case s.link != "":
		text += fmt.Sprintf("page: %s/ (with events: the link in %s)\n", s.server.URL(), s.link)
	case s.page:
		text += fmt.Sprintf("page: %s/\n", s.server.URL())
	}
	return text
}

// Stop stops the server, and removes the link if it is still this one's.
func (s *HTTPServer) Stop(ctx context.Context) error {
	if s == nil {
		return nil
	}
	err := s.server.Stop(ctx)
	if s.link == "" {
		return err
	}
	if text, readErr := rendezvous.ReadPrivate(s.link, len(s.text)); readErr == nil && string(text) == string(s.text) {
		if removeErr := os.Remove(s.link); !errors.Is(removeErr, fs.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
	}
	return err
}
