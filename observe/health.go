package observe

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/daemoneye/eventbus/bus"
)

// maxReasons bounds an answer of a health endpoint.
const maxReasons = 20

// healthReasons returns why the process can do nothing any more.
func healthReasons(statistics *bus.Statistics) []string {
	if statistics.Closed {
		return []string{"the bus is shut down"}
	}
	return nil
}

// readyReasons returns why events do not get through.
func readyReasons(statistics *bus.Statistics, queueFull time.Duration) []string {
	reasons := healthReasons(statistics)
	switch {
	case statistics.Connected || statistics.Closed:
	case statistics.DisconnectedFor > 0:
		reasons = append(reasons, fmt.Sprintf("not connected to the server for %v", rounded(statistics.DisconnectedFor)))
	default:
		reasons = append(reasons, "not connected to the server")
	}
	for _, one := range statistics.Subscriptions {
		if one.FullFor > queueFull {
			reasons = append(reasons, fmt.Sprintf("subscription %q: its queue of %d events has been full for %v", one.ID, one.QueueCapacity, rounded(one.FullFor)))
		}
		if isOpen(&one) {
			reasons = append(reasons, fmt.Sprintf("subscription %q: its circuit is %s, so events are dropped", one.ID, one.Circuit))
		}
	}
	if more := len(reasons) - maxReasons; more > 0 {
		reasons = append(reasons[:maxReasons], fmt.Sprintf("and %d more", more))
	}
	return reasons
}

func rounded(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(time.Second)
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
