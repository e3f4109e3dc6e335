//go:build unix

package faults_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/bus/bustest"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/natsbus"
)

// roleVariable makes the test program another process: one that has a bus and does what it is told on standard input.
const roleVariable = "EVENTBUS_FAULTS_BUS"

// How a process with a bus meets the others; what follows is a path or a URL.
const (
	serve  = "serve "  // an embedded server on a unix socket, and the bus in its process
	attach = "attach " // to such a server
	dial   = "dial "   // an existing server
	share  = "share "  // the server on a unix socket, whoever has it, and to have it when nobody does
	plain  = "plain "  // by a NATS client that knows nothing of this project, and reads everything
)

// runRole is the main program of the other process. It reads a command a line, and answers each with a line.
func runRole(place string) int {
	if dir, ok := strings.CutPrefix(place, fullDisk); ok {
		if err := runFullDisk(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		fmt.Println("ok")
		return 0
	}
	if url, ok := strings.CutPrefix(place, plain); ok {
		return runPlain(url)
	}
	b, stop, err := openRole(place)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer stop()
	id := b.Statistics().Publisher
	fmt.Println("ready", id)
	p := &rolePublisher{bus: b, counts: make(map[string]uint64)}
	var reader bus.Receiver
	commands := bufio.NewScanner(os.Stdin)
	for commands.Scan() {
		words := strings.Fields(commands.Text())
		switch words[0] {
		case "publish": // count topic…
			count, _ := strconv.Atoi(words[1])
			for range count {
				p.publishAll(words[2:])
			}
			fmt.Println("ok")
		case "start": // topic…
			p.start(words[1:])
			fmt.Println("ok")
		case "stop":
			p.stop()
			fmt.Println("ok")
		case "flush":
			fmt.Println("ok", b.Flush(context.Background()))
		case "sent":
			fmt.Println(p.sent())
		case "subscribe": // pattern; what comes is read and forgotten
			if reader, err = b.Subscribe(context.Background(), bus.Subscription{ID: "role", Patterns: words[1:]}); err == nil {
				go func() {
					for range reader.All(context.Background()) {
					}
				}()
			}
			fmt.Println("ok", err)
		case "account":
			s := reader.Statistics()
			fmt.Println(s.Delivered, s.Dropped, s.Lost)
		case "shutdown":
			p.stop()
			fmt.Println("ok", b.Shutdown(context.Background()))
			return 0
		}
	}
	return 0
}

func openRole(place string) (bus.Bus, func(), error) {
	ctx := context.Background()
	if path, ok := strings.CutPrefix(place, serve); ok {
		server, err := embed.Start(ctx, &embed.Options{Role: embed.Trusted, Socket: path})
		if err != nil {
			return nil, nil, err
		}
		b, err := natsbus.InProcess(ctx, server, nil)
		return b, func() { _ = server.Stop(ctx) }, err
	}
	if path, ok := strings.CutPrefix(place, attach); ok {
		b, err := natsbus.Attach(ctx, path, nil)
		return b, func() {}, err
	}
	if path, ok := strings.CutPrefix(place, share); ok {
		b, err := eventbus.Open(ctx, eventbus.Config{NATS: eventbus.NATSConfig{SocketPath: path, Shared: eventbus.SharedTakeover, Role: embed.Trusted}})
		return b, func() {}, err
	}
	b, err := natsbus.Connect(ctx, strings.TrimPrefix(place, dial), nil)
	return b, func() {}, err
}

// rolePublisher publishes and counts.
type rolePublisher struct {
	bus     bus.Bus
	running sync.WaitGroup
	quit    chan struct{}

	mu     sync.Mutex // guards counts
	counts map[string]uint64
}

func (p *rolePublisher) publishAll(topics []string) {
	for _, topic := range topics {
		// Errors are part of the game: the event has its number, and what did not get through is missing.
		_ = p.bus.Publish(context.Background(), process(topic, 7))
		p.mu.Lock()
		p.counts[topic]++
		p.mu.Unlock()
	}
}

func (p *rolePublisher) start(topics []string) {
	p.quit = make(chan struct{})
	p.running.Go(func() {
		for {
			select {
			case <-p.quit:
				return
			default:
				p.publishAll(topics)
			}
		}
	})
}

func (p *rolePublisher) stop() {
	if p.quit != nil {
		close(p.quit)
		p.running.Wait()
		p.quit = nil
	}
}

func (p *rolePublisher) sent() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	words := []string{"sent"}
	for topic, count := range p.counts {
		words = append(words, fmt.Sprintf("%s=%d", topic, count))
	}
	return strings.Join(words, " ")
}

// other is another process with a bus, seen from the test.
type other struct {
	t   testing.TB
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	id  uuid.UUID
}

// startOther starts another process and returns when its bus is open.
func startOther(t testing.TB, place string) *other {
	t.Helper()
	o := &other{t: t, cmd: exec.Command(os.Args[0])}
	o.cmd.Env = append(os.Environ(), roleVariable+"="+place)
	o.cmd.Stderr = t.Output()
	var err error
	o.in, err = o.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := o.cmd.StdoutPipe()
	require.NoError(t, err)
	o.out = bufio.NewReader(out)
	require.NoError(t, o.cmd.Start())
	t.Cleanup(o.kill)
	id, err := uuid.Parse(strings.TrimPrefix(o.answer(), "ready "))
	require.NoError(t, err)
	o.id = id
	return o
}

func (o *other) answer() string {
	o.t.Helper()
	line, err := o.out.ReadString('\n')
	require.NoError(o.t, err)
	return strings.TrimSuffix(line, "\n")
}

// do gives the process a command and returns its answer.
func (o *other) do(format string, args ...any) string {
	o.t.Helper()
	_, err := fmt.Fprintf(o.in, format+"\n", args...)
	require.NoError(o.t, err)
	return o.answer()
}

// scan reads the numbers of an answer.
func scan(t testing.TB, answer string, into ...any) {
	t.Helper()
	_, err := fmt.Sscan(answer, into...)
	require.NoError(t, err, answer)
}

// report tells the audit how many events the process has published.
func (o *other) report(audit *bustest.Audit) {
	o.t.Helper()
	for _, word := range strings.Fields(o.do("sent"))[1:] {
		topic, digits, _ := strings.Cut(word, "=")
		count, err := strconv.ParseUint(digits, 10, 64)
		require.NoError(o.t, err)
		audit.Sent(o.id, topic, count)
	}
}

// finish stops publishing, and tells everybody and the audit how much it was.
func (o *other) finish(audit *bustest.Audit) {
	o.t.Helper()
	o.do("stop")
	o.flush()
	o.report(audit)
}

// flush flushes. If something could not be sent since the last time, that is told, and told once.
func (o *other) flush() {
	o.t.Helper()
	if answer := o.do("flush"); answer != "ok <nil>" {
		require.Contains(o.t, answer, bus.ErrUndelivered.Error())
		require.Equal(o.t, "ok <nil>", o.do("flush"))
	}
}

// kill ends the process as kill -9 does. Twice is fine.
func (o *other) kill() {
	_ = o.cmd.Process.Kill()
	_ = o.in.Close()
	_ = o.cmd.Wait()
}

// end lets the process shut down its bus.
func (o *other) end(audit *bustest.Audit) {
	o.t.Helper()
	o.do("stop")
	o.report(audit)
	require.Equal(o.t, "ok <nil>", o.do("shutdown"))
	require.NoError(o.t, o.cmd.Wait())
}

// process returns an event.
func process(topic string, pid uint32) bus.Event {
	return bus.Event{Topic: topic, Source: "faults", Payload: &bus.ProcessEvent{
		PID: pid, Name: "process", ExecutablePath: "/usr/bin/process", CommandLine: []string{"process", "--argument"}, Timestamp: time.Now(),
	}}
}
