package observe

import (
	"context"
	"fmt"
	"net/http"
	"runtime/pprof"
	"runtime/trace"
	"strconv"
	"time"
)

// Bounds of a profile that takes its time.
const (
	defaultProfileSeconds = 30
	maxProfileSeconds     = 120
)

// addProfiles adds what net/http/pprof has, which would register it at the default mux of every program that links this package.
func addProfiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/{$}", listProfiles)
	mux.HandleFunc("GET /debug/pprof/{name}", serveProfile)
	mux.HandleFunc("GET /debug/pprof/profile", func(w http.ResponseWriter, r *http.Request) {
		serveSpan(w, r, func() error { return pprof.StartCPUProfile(w) }, pprof.StopCPUProfile)
	})
	mux.HandleFunc("GET /debug/pprof/trace", func(w http.ResponseWriter, r *http.Request) {
		serveSpan(w, r, func() error { return trace.Start(w) }, trace.Stop)
	})
}

func listProfiles(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "profile?seconds=%d\ntrace?seconds=%d\n", defaultProfileSeconds, defaultProfileSeconds)
	for _, p := range pprof.Profiles() {
		fmt.Fprintf(w, "%s (%d)\n", p.Name(), p.Count())
	}
}

// serveProfile serves what is known at this moment, as text if debug says so.
func serveProfile(w http.ResponseWriter, r *http.Request) {
	profile := pprof.Lookup(r.PathValue("name"))
	if profile == nil {
		http.Error(w, "there is no such profile", http.StatusNotFound)
		return
	}
	debug, _ := strconv.Atoi(r.FormValue("debug")) // nonsense is none
	w.Header().Set("Content-Type", "application/octet-stream")
	if debug > 0 {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	_ = profile.WriteTo(w, debug) // who has asked may be gone
}

// serveSpan serves what happens between start and stop. It ends early if who has asked is gone, or the server stops.
func serveSpan(w http.ResponseWriter, r *http.Request, start func() error, stop func()) {
	seconds := defaultProfileSeconds
	if text := r.FormValue("seconds"); text != "" {
		var err error
		if seconds, err = strconv.Atoi(text); err != nil || seconds < 1 || seconds > maxProfileSeconds {
			http.Error(w, fmt.Sprintf("seconds: %q: must be 1 to %d", text, maxProfileSeconds), http.StatusBadRequest)
			return
		}
	}
	span := time.Duration(seconds) * time.Second
	// A server that cannot move its deadline has none that would be in the way.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(span + writeTimeout))
	w.Header().Set("Content-Type", "application/octet-stream")
	if err := start(); err != nil {
		http.Error(w, err.Error(), http.StatusConflict) // another one runs
		return
	}
	defer stop()
	ctx, cancel := context.WithTimeout(r.Context(), span)
	defer cancel()
	<-ctx.Done()
}
