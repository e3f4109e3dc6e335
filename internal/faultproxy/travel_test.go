package faultproxy_test

import (
	"bytes"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLatency(t *testing.T) {
	onBoth(t, func(t *testing.T, network string) {
		p := start(t, network, echo)
		conn := p.connect(t)
		p.SetLatency(moment)
		for range 2 {
			begin := time.Now()
			exchange(t, conn, "there and back")
			require.GreaterOrEqual(t, time.Since(begin), 2*moment)
		}
	})
}

// TestLatencyDoesNotAddUp sends so much that waiting for one chunk after the other would take ten times as long as it should.
// It does so over unix sockets: TCP has waits of its own when a window is full.
func TestLatencyDoesNotAddUp(t *testing.T) {
	const chunk, latency = 16 << 10, 200 * time.Millisecond
	sent := noise(64 * chunk)
	p := start(t, "unix", echo)
	conn := p.connect(t)
	p.SetLatency(latency)
	begin := time.Now()
	var sender sync.WaitGroup
	sender.Go(func() { _, _ = conn.Write(sent) })
	got := make([]byte, len(sent))
	_, err := io.ReadFull(conn, got)
	sender.Wait()
	require.NoError(t, err)
	require.True(t, bytes.Equal(sent, got))
	require.Less(t, time.Since(begin), 64*latency)
}

func TestLatencyChangesWhatIsUnderWay(t *testing.T) {
	p := start(t, "tcp", echo)
	conn := p.connect(t)
	p.SetLatency(time.Hour)
	send(t, conn, "first,")
	requireSilence(t, conn)
	p.SetLatency(-1)
	send(t, conn, "second")
	receive(t, conn, "first,second")
}

func TestBandwidth(t *testing.T) {
	onBoth(t, func(t *testing.T, network string) {
		const size, perSecond = 20_000, 200_000
		p := start(t, network, echo)
		conn := p.connect(t)
		p.SetBandwidth(perSecond)
		for range 2 {
			begin := time.Now()
			exchange(t, conn, string(noise(size)))
			require.GreaterOrEqual(t, time.Since(begin), time.Second*size/perSecond)
		}
	})
}

func TestBandwidthChangesWhatIsUnderWay(t *testing.T) {
	p := start(t, "tcp", echo)
	conn := p.connect(t)
	p.SetBandwidth(1)
	text := string(noise(10_000))
	send(t, conn, text)
	requireSilence(t, conn)
	p.SetBandwidth(-1)
	receive(t, conn, text)
}

// TestBandwidthHasNoBurstAfterAStall stalls for longer than the bytes would have taken.
func TestBandwidthHasNoBurstAfterAStall(t *testing.T) {
	const size, perSecond = 20_000, 200_000
	text := string(noise(size))
	more := make(chan struct{})
	p := start(t, "tcp", func(conn stream) {
		send(t, conn, "INFO")
		<-more
		send(t, conn, text)
	})
	conn := p.dial(t)
	receive(t, conn, "INFO")
	p.SetBandwidth(perSecond)
	p.Stall()
	close(more)
	for range 5 {
		requireSilence(t, conn)
	}
	begin := time.Now()
	p.Resume()
	receive(t, conn, text)
	require.GreaterOrEqual(t, time.Since(begin), time.Second*size/perSecond/2)
}

func TestStallStopsBothDirections(t *testing.T) {
	onBoth(t, func(t *testing.T, network string) {
		arrived, say := make(chan string), make(chan string)
		p := start(t, network, func(conn stream) {
			send(t, conn, "INFO")
			var speaker sync.WaitGroup
			speaker.Go(func() { _, _ = io.WriteString(conn, <-say) })
			got := make([]byte, 4)
			_, _ = io.ReadFull(conn, got)
			arrived <- string(got)
			speaker.Wait()
		})
		conn := p.dial(t)
		receive(t, conn, "INFO")
		p.Stall()
		send(t, conn, "PING")
		say <- "PONG"
		requireSilence(t, conn)
		select {
		case got := <-arrived:
			require.Fail(t, "it got through", got)
		default:
		}
		require.Equal(t, 1, p.Connections())
		p.Resume()
		receive(t, conn, "PONG")
		require.Equal(t, "PING", <-arrived)
	})
}

func TestStallHoldsNewConnections(t *testing.T) {
	onBoth(t, func(t *testing.T, network string) {
		reached := make(chan struct{}, 1)
		p := start(t, network, func(conn stream) {
			reached <- struct{}{}
			echo(conn)
		})
		p.Stall()
		conn := p.dial(t)
		send(t, conn, "early")
		requireSilence(t, conn)
		p.requireConnections(t, 1)
		require.Empty(t, reached, "the target knows nothing of it")
		p.Resume()
		receive(t, conn, "early")
		require.Len(t, reached, 1)
	})
}

func TestStallHidesThatAPeerHasGone(t *testing.T) {
	gone := make(chan struct{})
	p := start(t, "tcp", func(conn stream) {
		send(t, conn, "INFO")
		<-gone
	})
	conn := p.dial(t)
	receive(t, conn, "INFO")
	p.Stall()
	close(gone)
	requireSilence(t, conn)
	p.Resume()
	_, err := conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
}

// TestStallHoldsTheSenderBack sends more than all buffers of the kernel and the proxy together can take.
func TestStallHoldsTheSenderBack(t *testing.T) {
	onBoth(t, func(t *testing.T, network string) {
		p := start(t, network, echo)
		conn := p.connect(t)
		p.Stall()
		sent := noise(64 << 20)
		require.NoError(t, conn.SetWriteDeadline(time.Now().Add(10*moment)))
		n, err := conn.Write(sent)
		require.Error(t, err)
		require.Less(t, n, len(sent))
		p.Resume()
		got := make([]byte, n)
		_, err = io.ReadFull(conn, got)
		require.NoError(t, err)
		require.True(t, bytes.Equal(sent[:n], got), "nothing is lost")
	})
}
