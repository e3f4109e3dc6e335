package faultproxy_test

import (
	"bytes"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/daemoneye/eventbus/internal/faultproxy"
)

func TestForwardsEveryByteAndTheEnd(t *testing.T) {
	sent := noise(10 << 20)
	for _, from := range []string{"tcp", "unix"} {
		for _, to := range []string{"tcp", "unix"} {
			t.Run(from+" to "+to, func(t *testing.T) {
				target := server(t, to, echo)
				listening, err := faultproxy.Listen(endpoint(t, from), target)
				require.NoError(t, err)
				p := proxy{listening, from}
				defer p.Close()
				conn := p.dial(t)
				var sender sync.WaitGroup
				sender.Go(func() {
					_, err := conn.Write(sent)
					if err == nil {
						err = conn.CloseWrite()
					}
					if err != nil {
						t.Error(err)
					}
				})
				got, err := io.ReadAll(conn)
				sender.Wait()
				require.NoError(t, err)
				require.True(t, bytes.Equal(sent, got), "%d of %d bytes came back", len(got), len(sent))
				p.requireConnections(t, 0)
			})
		}
	}
}

func TestTheEndComesBehindTheLastBytes(t *testing.T) {
	onBoth(t, func(t *testing.T, network string) {
		p := start(t, network, func(conn stream) { _, _ = io.WriteString(conn, "-ERR, and closes") })
		p.SetLatency(moment)
		got, err := io.ReadAll(p.dial(t))
		require.NoError(t, err)
		require.Equal(t, "-ERR, and closes", string(got))
	})
}

// TestTheReasonOfAnEndArrives has a client that floods a server which says why it closes, and then closes without reading on.
func TestTheReasonOfAnEndArrives(t *testing.T) {
	onBoth(t, func(t *testing.T, network string) {
		p := start(t, network, func(conn stream) {
			_, _ = io.ReadFull(conn, make([]byte, 1))
			_, _ = io.WriteString(conn, "-ERR, and closes")
		})
		p.SetLatency(moment)
		conn := p.dial(t)
		var flood sync.WaitGroup
		flood.Go(func() {
			for _, err := io.WriteString(conn, "PUB"); err == nil; {
				_, err = conn.Write(make([]byte, 1000))
			}
		})
		got := make([]byte, len("-ERR, and closes"))
		_, err := io.ReadFull(conn, got)
		flood.Wait()
		require.NoError(t, err)
		require.Equal(t, "-ERR, and closes", string(got))
		p.requireConnections(t, 0)
	})
}

func TestAResetOfOneSideReachesTheOther(t *testing.T) {
	result := make(chan error, 1)
	p := start(t, "tcp", func(conn stream) {
		_, err := io.Copy(conn, conn)
		result <- err
	})
	conn := p.connect(t)
	require.NoError(t, conn.(*net.TCPConn).SetLinger(0))
	require.NoError(t, conn.Close())
	requireReset(t, <-result)
	p.requireConnections(t, 0)
}

func TestListenErrors(t *testing.T) {
	taken := start(t, "tcp", echo)
	_, err := faultproxy.Listen(faultproxy.TCP(taken.Addr()), faultproxy.TCP(taken.Addr()))
	require.ErrorContains(t, err, taken.Addr())
	missing := filepath.Join(t.TempDir(), "no", "such", "directory")
	_, err = faultproxy.Listen(faultproxy.Unix(missing), faultproxy.TCP(taken.Addr()))
	require.ErrorContains(t, err, missing)
	_, err = faultproxy.Listen(faultproxy.TCP("127.0.0.1:0"), faultproxy.Endpoint{})
	require.ErrorContains(t, err, "target")
	_, err = faultproxy.Listen(faultproxy.Endpoint{}, faultproxy.TCP(taken.Addr()))
	require.Error(t, err)
}

func TestATargetThatIsNotThereClosesTheConnection(t *testing.T) {
	onBoth(t, func(t *testing.T, network string) {
		listening, err := faultproxy.Listen(endpoint(t, network), faultproxy.Unix(filepath.Join(t.TempDir(), "none")))
		require.NoError(t, err)
		defer listening.Close()
		p := proxy{listening, network}
		_, err = p.dial(t).Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		p.requireConnections(t, 0)
	})
}

func TestRefuse(t *testing.T) {
	onBoth(t, func(t *testing.T, network string) {
		p := start(t, network, echo)
		before := p.connect(t)
		p.Refuse(true)
		_, err := p.dial(t).Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		exchange(t, before, "this one stays")
		require.Equal(t, 1, p.Connections())
		p.Refuse(false)
		p.connect(t)
	})
}

func TestCloseLeavesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, network string) {
		target := server(t, network, echo)
		before := goleak.IgnoreCurrent()
		listening, err := faultproxy.Listen(endpoint(t, network), target)
		require.NoError(t, err)
		p := proxy{listening, network}
		idle, busy := p.connect(t), p.connect(t)
		p.SetLatency(time.Hour)
		send(t, busy, "never arrives")
		p.Stall()
		held := p.dial(t)
		p.requireConnections(t, 3)

		var closers sync.WaitGroup
		for range 4 {
			closers.Go(func() {
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		closers.Wait()
		require.NoError(t, p.Close())
		require.Zero(t, p.Connections())
		for _, conn := range []stream{idle, busy, held} {
			_, err := conn.Read(make([]byte, 1))
			require.Error(t, err)
			require.NoError(t, conn.Close())
		}
		_, err = net.Dial(network, p.Addr())
		require.Error(t, err)
		if network == "unix" {
			require.NoFileExists(t, p.Addr())
		}
		require.Eventually(t, func() bool { return goleak.Find(before) == nil }, patience, time.Millisecond)

		p.SetLatency(0)
		p.Resume()
		p.Reset()
		p.Cut()
		p.CutAfter(0)
	})
}

func TestCloseWhileClientsConnect(t *testing.T) {
	onBoth(t, func(t *testing.T, network string) {
		target := server(t, network, echo)
		for range 50 {
			p, err := faultproxy.Listen(endpoint(t, network), target)
			require.NoError(t, err)
			connected := make(chan struct{}, 4)
			var clients sync.WaitGroup
			for range cap(connected) {
				clients.Go(func() {
					conn, err := net.Dial(network, p.Addr())
					connected <- struct{}{}
					if err == nil {
						_, err = conn.Read(make([]byte, 1)) // until the proxy closes it
						conn.Close()
					}
					if err == nil {
						t.Error("nothing was sent")
					}
				})
			}
			<-connected
			require.NoError(t, p.Close())
			clients.Wait()
			require.Zero(t, p.Connections())
		}
	})
}

// TestEverythingAtOnce is for the race detector, and for the goroutines that TestMain looks for.
func TestEverythingAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, network string) {
		p := start(t, network, echo)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for range 50 {
					conn, err := net.Dial(network, p.Addr())
					if err != nil {
						continue // a reset came first
					}
					_ = conn.SetDeadline(time.Now().Add(moment))
					_, _ = conn.Write(noise(1000))
					_, _ = io.ReadFull(conn, make([]byte, 1000))
					conn.Close()
				}
			})
		}
		for _, disturb := range []func(){
			func() { p.SetLatency(time.Millisecond); p.SetLatency(0) },
			func() { p.SetBandwidth(1 << 20); p.SetBandwidth(0) },
			func() { p.Stall(); p.Resume() },
			func() { p.Refuse(true); p.Refuse(false) },
			func() { p.CutAfter(500); p.CutNextAfter(0) },
			p.Reset, p.Cut, func() { _ = p.Connections() },
		} {
			all.Go(func() {
				for range 200 {
					disturb()
				}
			})
		}
		all.Wait()
		p.CutNextAfter(1 << 40)
		p.connect(t)
	})
}
