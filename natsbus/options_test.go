package natsbus_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/natsbus"
)

func TestBadOptionsAreNamed(t *testing.T) {
	for field, o := range map[string]natsbus.Options{
		"connect_timeout": {ConnectTimeout: -1}, "ping_interval": {PingInterval: -1}, "queue_capacity": {Bus: bus.Options{QueueCapacity: -1}},
	} {
		_, err := natsbus.Connect(t.Context(), "nats://127.0.0.1:1", &o)
		invalid, ok := errors.AsType[*bus.InvalidError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, field, invalid.Field)
	}
}

// TestTheContextEndsAConnect has a server that accepts connections and says nothing.
func TestTheContextEndsAConnect(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	for want, ending := range map[error]func() (context.Context, context.CancelFunc){
		context.DeadlineExceeded: func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(t.Context(), 100*time.Millisecond)
		},
		context.Canceled: func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(100*time.Millisecond, cancel)
			return ctx, cancel
		},
	} {
		ctx, cancel := ending()
		_, err := natsbus.Connect(ctx, "nats://"+silent.Addr().String(), &natsbus.Options{ConnectTimeout: time.Second})
		cancel()
		require.ErrorIs(t, err, want)
		require.ErrorContains(t, err, silent.Addr().String())
	}
}
