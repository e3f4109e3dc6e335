package embed_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/internal/link"
)

// TestABusHasOneConnection: when it connects anew, what it sent on the earlier connection is under way no longer. Nobody of another role
// ends it, under whatever name, and plain clients may all have the same.
func TestABusHasOneConnection(t *testing.T) {
	server := start(t, nil, withListener)
	publisher := uuid.New()
	as := func(role, name string) *nats.Conn {
		nc, err := connect(t, server.URL(), nkey(t, server, role), nats.Name(name), nats.NoReconnect())
		require.NoError(t, err)
		return nc
	}
	first := as(embed.Agent, link.ConnectionName("first name", publisher))
	others := []*nats.Conn{
		as(embed.Agent, link.ConnectionName("another bus", uuid.New())), as(embed.Agent, "plain"), as(embed.Agent, "plain"),
		as(embed.Observer, link.ConnectionName("first name", publisher)),
	}
	others = append(others, first)
	for _, nc := range others {
		require.NoError(t, nc.Flush())
	}
	second := as(embed.Agent, link.ConnectionName("second name", publisher))
	require.Eventually(t, first.IsClosed, patience, time.Millisecond)
	for _, nc := range append(others[:4], second) {
		require.NoError(t, nc.Flush())
	}
}
