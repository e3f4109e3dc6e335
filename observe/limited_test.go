package observe_test

import (
	"errors"
	"net"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/observe"
)

// failing is a listener of which every other Accept fails, as it does while the process has no file descriptors left.
type failing struct {
	net.Listener
	calls int
}

var errNone = errors.New("too many open files")

func (f *failing) Accept() (net.Conn, error) {
	if f.calls++; f.calls%2 == 1 {
		return nil, errNone
	}
	here, there := net.Pipe()
	return here, there.Close()
}

func (*failing) Close() error { return nil }

func TestConnectionsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := observe.NewLimited(new(failing), 2)
		var open []net.Conn
		for range 10 {
			if len(open) == 2 {
				require.NoError(t, open[0].Close())
				require.NoError(t, open[0].Close(), "the second time gives no second place")
				open = open[1:]
			}
			_, err := listener.Accept()
			require.ErrorIs(t, err, errNone, "which takes up no place")
			conn, err := listener.Accept()
			require.NoError(t, err)
			open = append(open, conn)
		}
		accepted := false
		go func() {
			_, err := listener.Accept()
			require.ErrorIs(t, err, net.ErrClosed)
			accepted = true
		}()
		synctest.Wait()
		require.False(t, accepted, "there is no third place")
		require.NoError(t, listener.Close())
		require.NoError(t, listener.Close())
		synctest.Wait()
		require.True(t, accepted, "the end frees who waits")
	})
}
