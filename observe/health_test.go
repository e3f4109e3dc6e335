package observe_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/localbus"
	"github.com/daemoneye/eventbus/observe"
)

// ask asks the endpoints of a bus, and returns the code and the text.
func ask(t testing.TB, b bus.Bus, path string, options *observe.Options) (code int, text string) {
	t.Helper()
	h, err := observe.Handler(b, options)
	require.NoError(t, err)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func requireAnswer(t testing.TB, b bus.Bus, path string, code int, text string) {
	t.Helper()
	gotCode, gotText := ask(t, b, path, nil)
	require.Equal(t, text+"\n", gotText)
	require.Equal(t, code, gotCode)
}

func TestABusThatWorksIsHealthyAndReady(t *testing.T) {
	for name, b := range map[string]bus.Bus{"local": local(t, nil), "nats": inside(t, startServer(t, embed.Options{}))} {
		t.Run(name, func(t *testing.T) {
			requireAnswer(t, b, "/healthz", 200, "ok")
			requireAnswer(t, b, "/readyz", 200, "ok")
			require.NoError(t, b.Shutdown(background(t)))
			requireAnswer(t, b, "/healthz", 503, "the bus is shut down")
			requireAnswer(t, b, "/readyz", 503, "the bus is shut down")
		})
	}
}

func TestABusWithoutItsServerIsNotReady(t *testing.T) {
	server := startServer(t, embed.Options{})
	b := attach(t, server)
	requireAnswer(t, b, "/readyz", 200, "ok")
	require.NoError(t, server.Stop(background(t)))
	require.Eventually(t, func() bool {
		code, text := ask(t, b, "/readyz", nil)
		return code == 503 && strings.HasPrefix(text, "not connected to the server for ")
	}, patience, step)
	requireAnswer(t, b, "/healthz", 200, "ok")
	startServer(t, embed.Options{Socket: server.Socket()})
	require.Eventually(t, func() bool { code, _ := ask(t, b, "/readyz", nil); return code == 200 }, patience, step)
}

func TestAQueueThatStaysFullIsNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := localbus.New(nil)
		require.NoError(t, err)
		r := subscribe(t, b, bus.Subscription{ID: "slow", QueueCapacity: 2, Overflow: bus.DropNewest})
		publish(t, b, 3)
		time.Sleep(30 * time.Second)
		requireAnswer(t, b, "/readyz", 200, "ok")
		time.Sleep(12 * time.Second)
		requireAnswer(t, b, "/readyz", 503, `subscription "slow": its queue of 2 events has been full for 42s`)
		requireAnswer(t, b, "/healthz", 200, "ok")
		code, _ := ask(t, b, "/readyz", &observe.Options{QueueFull: time.Minute})
		require.Equal(t, 200, code)
		_, err = r.TryNext()
		require.NoError(t, err)
		requireAnswer(t, b, "/readyz", 200, "ok")
		_ = b.Shutdown(ended())
	})
}

func TestAnOpenCircuitIsNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := localbus.New(nil)
		require.NoError(t, err)
		r := subscribe(t, b, bus.Subscription{
			ID: "broken", QueueCapacity: 1, Overflow: bus.BreakCircuit, CircuitBreak: bus.CircuitBreak{Overflows: 1, CoolDown: time.Second},
		})
		publish(t, b, 2)
		requireAnswer(t, b, "/readyz", 503, `subscription "broken": its circuit is open, so events are dropped`)
		time.Sleep(time.Second)
		_, err = r.TryNext()
		require.NoError(t, err)
		publish(t, b, 1)
		requireAnswer(t, b, "/readyz", 503, `subscription "broken": its circuit is half-open, so events are dropped`)
		_, err = r.TryNext()
		require.NoError(t, err)
		requireAnswer(t, b, "/readyz", 200, "ok")
		_ = b.Shutdown(ended())
	})
}

func TestReasonsAreJSONForWhoAcceptsIt(t *testing.T) {
	b := local(t, nil)
	h, err := observe.Handler(b, nil)
	require.NoError(t, err)
	answer := func() (code int, body map[string]any) {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/readyz", nil)
		r.Header.Set("Accept", "text/html, application/json;q=0.9")
		h.ServeHTTP(w, r)
		require.Equal(t, "application/json", w.Header().Get("Content-Type"))
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
		return w.Code, body
	}
	code, body := answer()
	require.Equal(t, 200, code)
	require.Equal(t, map[string]any{"status": "ok", "reasons": []any{}}, body)
	require.NoError(t, b.Shutdown(background(t)))
	code, body = answer()
	require.Equal(t, 503, code)
	require.Equal(t, map[string]any{"status": "unavailable", "reasons": []any{"the bus is shut down"}}, body)
}

func TestReasonsAreBounded(t *testing.T) {
	b := local(t, nil)
	for i := range 50 {
		subscribe(t, b, bus.Subscription{ID: fmt.Sprint(i), QueueCapacity: 1, Overflow: bus.BreakCircuit, CircuitBreak: bus.CircuitBreak{Overflows: 1}})
	}
	publish(t, b, 2)
	_, text := ask(t, b, "/readyz", nil)
	require.Equal(t, 21, strings.Count(text, "\n"))
	require.Contains(t, text, "\nand 30 more\n")
}
