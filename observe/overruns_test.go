package observe_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/natsbus"
)

// heldUp is a log that holds up who writes the first record with a subject, and so the goroutine that receives.
type heldUp struct {
	slog.Handler
	once    *sync.Once
	writing chan struct{} // closed when it does
	goOn    chan struct{}
}

func (h heldUp) Enabled(context.Context, slog.Level) bool { return true }

func (h heldUp) Handle(context.Context, slog.Record) error {
	h.once.Do(func() { close(h.writing); <-h.goOn })
	return nil
}

// TestOverrunsAreMetered has more messages come than wait for being decoded, while nothing is decoded.
func TestOverrunsAreMetered(t *testing.T) {
	server := startServer(t, embed.Options{Role: embed.Trusted})
	log := heldUp{Handler: slog.DiscardHandler, once: new(sync.Once), writing: make(chan struct{}), goOn: make(chan struct{})}
	goOn := sync.OnceFunc(func() { close(log.goOn) })
	b := closing[*natsbus.Bus](t)(natsbus.InProcess(background(t), server, &natsbus.Options{Bus: bus.Options{Logger: slog.New(log)}}))
	t.Cleanup(goOn) // before the bus is closed
	subscribe(t, b, bus.Subscription{ID: "s", Patterns: []string{"events.#"}})
	m := newMeter(t, b)
	p := newPlain(t, server)
	require.NoError(t, p.conn.Publish(topic, []byte("garbage")))
	<-log.writing
	m.is(0, "overrun_messages_total")
	for range 20_000 {
		require.NoError(t, p.conn.Publish(topic, []byte("more of it")))
	}
	require.Eventually(t, func() bool { return m.read()["overrun_messages_total"] > 0 }, patience, step)
	goOn()
	require.Eventually(t, func() bool {
		values := m.read()
		return values["overrun_messages_total"]+values["malformed_messages_total"] == 20_001
	}, patience, step, "each message is one or the other")
}
