package faultproxy_test

import (
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func requireReset(t testing.TB, err error) {
	t.Helper()
	require.ErrorIs(t, err, syscall.ECONNRESET)
}

// ending returns a proxy, and how its connections end as the server sees it. The server echoes.
func ending(t testing.TB, network string) (p proxy, result chan error) {
	result = make(chan error, 1)
	return start(t, network, func(conn stream) {
		_, err := io.Copy(conn, conn)
		result <- err
	}), result
}

func TestReset(t *testing.T) {
	onBoth(t, func(t *testing.T, network string) {
		p, result := ending(t, network)
		conn := p.connect(t)
		p.Reset()
		require.Zero(t, p.Connections())
		_, err := conn.Read(make([]byte, 1))
		if network == "unix" {
			require.ErrorIs(t, err, io.EOF)
			require.NoError(t, <-result)
		} else {
			requireReset(t, err)
			requireReset(t, <-result)
		}
		p.connect(t)
	})
}

func TestCut(t *testing.T) {
	onBoth(t, func(t *testing.T, network string) {
		p, result := ending(t, network)
		conn := p.connect(t)
		p.Cut()
		require.Zero(t, p.Connections())
		_, err := conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		require.NoError(t, <-result, "io.Copy has seen the end")
		p.connect(t)
	})
}

// TestCutIsOrderlyWhateverIsUnderWay has bytes in the proxy and in the kernel that nobody will read.
func TestCutIsOrderlyWhateverIsUnderWay(t *testing.T) {
	onBoth(t, func(t *testing.T, network string) {
		p := start(t, network, echo)
		conn := p.connect(t)
		p.Stall()
		held := p.dial(t)
		p.requireConnections(t, 2)
		send(t, held, "unread")
		send(t, conn, "unread")
		much := make([]byte, 64<<20)
		require.NoError(t, conn.SetWriteDeadline(time.Now().Add(10*moment)))
		_, err := conn.Write(much)
		require.Error(t, err)
		p.Cut()
		for _, conn := range []stream{conn, held} {
			_, err := conn.Read(make([]byte, 1))
			require.ErrorIs(t, err, io.EOF)
		}
	})
}

func TestCutWhileItFlows(t *testing.T) {
	onBoth(t, func(t *testing.T, network string) {
		sent := noise(1 << 20)
		p := start(t, network, func(conn stream) {
			for {
				if _, err := conn.Write(sent); err != nil {
					return
				}
			}
		})
		conn := p.dial(t)
		_, err := io.ReadFull(conn, make([]byte, 3*len(sent)))
		require.NoError(t, err)
		p.Cut()
		require.Zero(t, p.Connections())
		_, err = io.Copy(io.Discard, conn)
		require.NoError(t, err, "the end, and no reset")
	})
}

// requireCut reads exactly n bytes and then the error.
func requireCut(t testing.TB, network string, conn stream, sent []byte, n int) {
	t.Helper()
	got, err := io.ReadAll(conn)
	require.Len(t, got, n)
	require.Equal(t, sent[:n], got)
	if network == "tcp" {
		requireReset(t, err)
	} else if err != nil { // bytes that the proxy did not read make it a reset on unix sockets, too
		requireReset(t, err)
	}
}

func TestCutAfter(t *testing.T) {
	sent := noise(50_000)
	for _, n := range []int{0, 1, 100, 16 << 10, 40_000} {
		onBoth(t, func(t *testing.T, network string) {
			more := make(chan struct{})
			p := start(t, network, func(conn stream) {
				send(t, conn, "INFO")
				<-more
				_, _ = conn.Write(sent)
				_, _ = io.Copy(io.Discard, conn)
			})
			conn := p.dial(t)
			receive(t, conn, "INFO")
			p.CutAfter(7)
			p.CutAfter(int64(n)) // which replaces it
			close(more)
			requireCut(t, network, conn, sent, n)
			p.requireConnections(t, 0)
		})
	}
}

func TestCutAfterCountsWhatGoesToTheClient(t *testing.T) {
	p := start(t, "tcp", echo)
	conn := p.connect(t)
	p.CutAfter(10)
	exchange(t, conn, "123456")
	send(t, conn, "abcdef")
	requireCut(t, "tcp", conn, []byte("abcdef"), 4)
}

func TestCutNextAfter(t *testing.T) {
	onBoth(t, func(t *testing.T, network string) {
		p := start(t, network, echo)
		before := p.connect(t)
		p.CutNextAfter(3)
		next := p.dial(t)
		send(t, next, "hello")
		requireCut(t, network, next, []byte("hello"), 3)
		exchange(t, before, "the others are not cut")
		exchange(t, p.connect(t), "nor those that come later")
	})
}

func TestCutNextAfterNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, network string) {
		p := start(t, network, func(conn stream) { send(t, conn, "INFO") })
		p.CutNextAfter(0)
		conn, err := net.Dial(network, p.Addr())
		if err == nil { // otherwise the reset was faster
			defer conn.Close()
			_, err = conn.Read(make([]byte, 1))
		}
		if network == "tcp" {
			requireReset(t, err)
		} else {
			require.ErrorIs(t, err, io.EOF)
		}
		receive(t, p.dial(t), "INFO")
	})
}
