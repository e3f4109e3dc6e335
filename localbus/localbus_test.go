package localbus_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/bus/bustest"
	"github.com/daemoneye/eventbus/localbus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, options bus.Options) bustest.Pair {
	b, err := localbus.New(&options)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = b.Shutdown(ctx) // what a case left queued is of no interest
	})
	return bustest.Pair{Publisher: b, Subscriber: b}
}

func TestContract(t *testing.T) { bustest.Run(t, open) }

func TestModel(t *testing.T) { bustest.Model(t, open) }

func TestAllocations(t *testing.T) { bustest.Allocations(t, open(t, bus.Options{}).Publisher) }
