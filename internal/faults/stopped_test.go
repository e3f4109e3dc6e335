//go:build unix

package faults_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus/bustest"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/natsbus"
)

// runPlain is the main program of a plain NATS client. It says a line when it is subscribed, and ends with its input.
func runPlain(url string) int {
	nc, err := nats.Connect(url)
	if err == nil {
		_, err = nc.Subscribe("events.>", func(*nats.Msg) {})
	}
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("ready")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	return 0
}

// clientURL returns where a plain NATS client connects, with the token.
func clientURL(server *embed.Server) string {
	return strings.Replace(server.URL(), "nats://", "nats://"+server.Token()+"@", 1)
}

// startPlain starts a plain NATS client as another process.
func startPlain(t testing.TB, url string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+plain+url)
	cmd.Stderr = t.Output()
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = in.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", line)
	return cmd
}

// TestStoppedClientHarmsNobody stops a plain NATS client with SIGSTOP, and a process with a bus, and sends far more than
// the server keeps for them.
func TestStoppedClientHarmsNobody(t *testing.T) {
	const events, pending = 100_000, 4 << 20 // 30 MB of events
	leavesNothing(t)
	var audit bustest.Audit
	server := startServer(t, &embed.Options{Role: embed.Trusted, Socket: socketPath(t), Listen: "127.0.0.1:0", MaxPending: pending})
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	attached := closing(t)(natsbus.Attach(background(t), server.Socket(), nil))
	local := audit.Subscribe(t, inside, roomy("local"), false, nil)
	remote := audit.Subscribe(t, attached, roomy("remote"), false, nil)
	stopped := []*os.Process{startPlain(t, clientURL(server)).Process}
	other := startOther(t, attach+server.Socket())
	require.Equal(t, "ok <nil>", other.do("subscribe events.#"))
	stopped = append(stopped, other.cmd.Process)
	for _, p := range stopped {
		require.NoError(t, p.Signal(syscall.SIGSTOP))
	}
	id := inside.Statistics().Publisher
	before := heap()
	for i := range events {
		require.NoError(t, audit.Publish(context.Background(), inside, id, process(topic, 1)))
		if i%1000 == 0 { // as fast as who is not stopped can follow
			goal := uint64(i)
			require.Eventually(t, func() bool { return remote.Delivered() >= goal }, patience, step/5)
		}
	}
	require.NoError(t, inside.Flush(background(t)))
	for _, r := range []*bustest.Reader{local, remote} {
		account := r.Settle(t)
		require.Equal(t, uint64(events), account.Delivered, "%s: %v", r.Receiver.ID(), account)
	}
	grown := heap() - before
	t.Logf("%d events of %d bytes; the heap has grown by %d KiB", events, inside.Statistics().PublishedBytes/events, grown>>10)
	require.Less(t, grown, int64(4*pending), "what waits for who is stopped is bounded")
	for _, p := range stopped {
		require.NoError(t, p.Signal(syscall.SIGCONT))
	}
	works(t, &audit, inside, remote, topic)
	remote.Settle(t)
	other.flush() // it is there again
}

// heap returns the bytes that are in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
