package observe

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/daemoneye/eventbus/bus"
)

// healthReasons returns why the process can do nothing any more.
func healthReasons(statistics *bus.Statistics) []string {
	if statistics.Closed {
		return []string{"the bus is shut down"}
	}
	return nil
}

// answer is what a health endpoint says as JSON.
type answer struct {
	Status  string   `json:"status"` // ok, unavailable
	Reasons []string `json:"reasons"`
}

// serveHealth answers 200 if there is no reason against it.
func serveHealth(w http.ResponseWriter, r *http.Request, reasons []string) {
	code, body := http.StatusOK, answer{Status: "ok", Reasons: []string{}}
	if len(reasons) > 0 {
		code, body = http.StatusServiceUnavailable, answer{Status: "unavailable", Reasons: reasons}
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	// An error of writing means that who has asked is gone.
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(body)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	if len(reasons) == 0 {
		reasons = []string{body.Status}
	}
	_, _ = fmt.Fprintln(w, strings.Join(reasons, "\n"))
}
