package collect_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/collect"
	"github.com/daemoneye/eventbus/subjects"
)

// between is the condition that an event is about the connection between these addresses, and that this has happened.
func between(local, remote, what string) func(*bus.Event) bool {
	return func(event *bus.Event) bool {
		n, ok := event.Payload.(*bus.NetworkEvent)
		return ok && n.LocalAddr == local && n.RemoteAddr == remote && (what == "" || action(event) == what)
	}
}

// TestConnectionLife follows a real connection from its beginning to its end.
func TestConnectionLife(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	server := listener.Addr().String()

	events := newRecorder()
	run(t, collect.NewConnections(events, &collect.ConnectionOptions{Interval: often}))
	listening, _ := events.until(t, "listener", between(server, "", collect.ActionExisting))
	require.Equal(t, "network", listening.Source)
	require.Equal(t, subjects.NetworkConnections, listening.Topic)
	n := listening.Payload.(*bus.NetworkEvent)
	require.Equal(t, "listen", n.State)
	require.Equal(t, "tcp", n.Protocol)
	require.Equal(t, uint32(os.Getpid()), *n.PID)
	require.Nil(t, n.BytesSent)

	client, err := net.Dial("tcp", server)
	require.NoError(t, err)
	defer client.Close()
	accepted, err := listener.Accept()
	require.NoError(t, err)
	defer accepted.Close()
	local := client.LocalAddr().String()
	opened, _ := events.until(t, "opened", between(local, server, collect.ActionOpened))
	begun := opened.Payload.(*bus.NetworkEvent)
	require.Equal(t, "established", begun.State)

	require.NoError(t, client.Close())
	require.NoError(t, accepted.Close())
	closed, _ := events.until(t, "closed", between(local, server, collect.ActionClosed))
	ended := closed.Payload.(*bus.NetworkEvent)
	require.Equal(t, begun.ConnectionID, ended.ConnectionID)
	require.Equal(t, uint32(os.Getpid()), *ended.PID, "the last known")

	require.NoError(t, listener.Close())
	gone, _ := events.until(t, "listener closed", between(server, "", collect.ActionClosed))
	require.Equal(t, n.ConnectionID, gone.Payload.(*bus.NetworkEvent).ConnectionID)
}

// connectionScans calls test with a function that makes a scan find these connections and returns what happened.
func connectionScans(t *testing.T, options *collect.ConnectionOptions, test func(scan func(...collect.Connection) []bus.Event)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		events := newRecorder()
		lists := make(chan []collect.Connection)
		run(t, collect.NewConnectionsOf(events, options, func(ctx context.Context) ([]collect.Connection, error) {
			select {
			case list := <-lists:
				return list, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}))
		test(func(list ...collect.Connection) []bus.Event {
			lists <- list
			synctest.Wait()
			return events.queued(t)
		})
	})
}

// happened returns what happened to which connections, in order.
func happened(events []bus.Event) (out []string) {
	for _, event := range events {
		n := event.Payload.(*bus.NetworkEvent)
		line := fmt.Sprintf("%s %s %s", action(&event), n.ConnectionID, n.State)
		if changed := n.Metadata[collect.Changed]; changed != "" {
			line += " (" + changed + ")"
		}
		out = append(out, line)
	}
	return out
}

const here, there = "10.0.0.1:1000", "10.0.0.2:80"

func TestConnectionStates(t *testing.T) {
	connectionScans(t, nil, func(scan func(...collect.Connection) []bus.Event) {
		listener := collect.MakeConnection("tcp", "0.0.0.0:22", "", "listen", 5, 0, 0)
		old := collect.MakeConnection("tcp", here, "10.0.0.9:1", "time_wait", 0, 0, 0)
		require.Equal(t, []string{"existing tcp/0.0.0.0:22/ listen"}, happened(scan(listener, listener, old)))

		c := func(state string, pid uint32, bytes uint64) collect.Connection {
			return collect.MakeConnection("tcp", here, there, state, pid, 0xab, bytes)
		}
		const id = "tcp/" + here + "/" + there + "/ab"
		require.Equal(t, []string{"opened " + id + " syn_sent"}, happened(scan(listener, c("syn_sent", 0, 0))))
		require.Equal(t, []string{"change " + id + " established (state,pid)"}, happened(scan(listener, c("established", 7, 0))))
		require.Empty(t, scan(listener, c("established", 7, 100)), "counts alone are no event")
		require.Equal(t, []string{"change " + id + " fin_wait2 (state)"}, happened(scan(listener, c("fin_wait2", 0, 200))))
		events := scan(listener, collect.MakeConnection("tcp", here, there, "time_wait", 0, 0, 0))
		require.Equal(t, []string{"closed " + id + " time_wait"}, happened(events))
		last := events[0].Payload.(*bus.NetworkEvent)
		require.Equal(t, uint32(7), *last.PID)
		require.Equal(t, uint64(200), *last.BytesSent)
		require.Empty(t, scan(listener, collect.MakeConnection("tcp", here, there, "time_wait", 0, 0, 0)))
		require.Equal(t, []string{"closed tcp/0.0.0.0:22/ listen"}, happened(scan()), "the other one had its end")
	})
}

func TestConnectionBetweenTheSameAddressesIsAnotherOne(t *testing.T) {
	connectionScans(t, nil, func(scan func(...collect.Connection) []bus.Event) {
		c := func(state string, cookie uint64) collect.Connection {
			return collect.MakeConnection("tcp", here, there, state, 0, cookie, 0)
		}
		const id = "tcp/" + here + "/" + there
		scan(c("established", 1))
		require.Empty(t, scan(c("established", 0)), "an unknown socket is not another one")
		require.Equal(t, []string{"closed " + id + "/1 established", "opened " + id + "/2 established"}, happened(scan(c("established", 2))))
		require.Equal(t, []string{"closed " + id + "/2 time_wait"}, happened(scan(c("time_wait", 0))))
		require.Equal(t, []string{"opened " + id + " established"}, happened(scan(c("established", 0))))

		scan()
		// Opened and closed between two scans.
		require.Equal(t, []string{"opened " + id + " time_wait", "closed " + id + " time_wait"}, happened(scan(c("time_wait", 0))))
	})
}

func TestTraffic(t *testing.T) {
	connectionScans(t, &collect.ConnectionOptions{Traffic: true}, func(scan func(...collect.Connection) []bus.Event) {
		scan(collect.MakeConnection("tcp", here, there, "established", 7, 1, 100))
		require.Empty(t, scan(collect.MakeConnection("tcp", here, there, "established", 7, 1, 100)))
		events := scan(collect.MakeConnection("tcp", here, there, "established", 7, 1, 300))
		require.Len(t, events, 1)
		require.Equal(t, subjects.NetworkTraffic, events[0].Topic)
		require.Equal(t, uint64(300), *events[0].Payload.(*bus.NetworkEvent).BytesSent)
	})
}

func TestTrafficIsSwitchedWhileItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := newRecorder()
		var bytes uint64
		c := collect.NewConnectionsOf(events, nil, func(context.Context) ([]collect.Connection, error) {
			bytes += 100
			return []collect.Connection{collect.MakeConnection("tcp", here, there, "established", 7, 1, bytes)}, nil
		})
		run(t, c)
		synctest.Wait()
		require.Len(t, events.queued(t), 1)
		for _, want := range []struct {
			traffic bool
			events  int
		}{{false, 0}, {true, 1}, {false, 0}} {
			c.SetTraffic(want.traffic)
			time.Sleep(collect.DefaultConnectionInterval)
			synctest.Wait()
			require.Len(t, events.queued(t), want.events)
		}
	})
}

func TestUDP(t *testing.T) {
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer socket.Close()
	events := newRecorder()
	run(t, collect.NewConnections(events, &collect.ConnectionOptions{Interval: time.Hour}))
	event, _ := events.until(t, "socket", between(socket.LocalAddr().String(), "", collect.ActionExisting))
	n := event.Payload.(*bus.NetworkEvent)
	require.Equal(t, "udp", n.Protocol)
	require.Empty(t, n.State)
	require.Nil(t, n.BytesSent)
	require.Nil(t, n.BytesReceived)
}
