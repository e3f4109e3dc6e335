package observe

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/health"
)

// maxScrapes bounds how many scrapes are served at a time; others get a 503.
const maxScrapes = 4

// Handler returns the endpoints of a bus, for a program with an HTTP server of its own. Whom it answers is that server's business. Nil
// options are the defaults; Listen is not used. It returns an [*OptionError] for a value out of range.
func Handler(b bus.Bus, options *Options) (http.Handler, error) {
	o, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	return newMux(b, &o)
}

func newMux(b bus.Bus, o *Options) (*http.ServeMux, error) {
	registry := prometheus.NewRegistry()
	for _, c := range []prometheus.Collector{
		NewCollector(b), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorLog: errorLog(o.Logger), MaxRequestsInFlight: maxScrapes,
	}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		statistics := b.Statistics()
		serveHealth(w, r, healthReasons(&statistics))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		statistics := b.Statistics()
		serveHealth(w, r, health.Reasons(&statistics, o.QueueFull))
	})
	if o.Profiles {
		addProfiles(mux)
	}
	return mux, nil
}

// localOnly answers only requests that name a loopback host. A web page that has led its own name here would name that.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if host := hostOf(r.Host); host != "localhost" && !isLoopback(host) {
			http.Error(w, "only for requests to localhost or a loopback address", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}
