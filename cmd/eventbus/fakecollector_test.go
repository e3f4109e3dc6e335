package main_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/internal/link"
	"github.com/daemoneye/eventbus/natsbus"
)

// fakeCollector is a program that serves at the socket in its first argument. Its other arguments are role=ROLE, what its user may be on
// the socket if that is not trusted, and an address at which it serves as well. It does what it is told on standard input, one command a
// line, each of which it answers with ok:
//
//	publish SET   publish known events
//	burst N       publish N process events, with pids from 1
//	numbered N…   publish process events of another publisher, with these sequence numbers
//	gaps P T      lose an event of each of P publishers on each of T topics, at once
//	garbage       publish a message that is no event
//	watched       wait until a watcher that was attached to the collector before has come back
//
// and the commands of answer. It ends at the end of its input.
func fakeCollector() {
	options := &embed.Options{Role: embed.Trusted, Socket: os.Args[1], Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	for _, argument := range os.Args[2:] {
		if role, ok := strings.CutPrefix(argument, "role="); ok {
			options.Role = role
		} else {
			options.Listen = argument
		}
	}
	if err := collectFakes(options); err != nil {
		log.Fatal(err)
	}
}

func collectFakes(options *embed.Options) (err error) {
	ctx := context.Background()
	server, err := embed.Start(ctx, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop(ctx)) }()
	b, err := natsbus.InProcess(ctx, server, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Shutdown(ctx)) }()
	fmt.Println("ok")
	commands := bufio.NewScanner(os.Stdin)
	for commands.Scan() {
		if err := obey(ctx, server, b, strings.Fields(commands.Text())); err != nil {
			return err
		}
		fmt.Println("ok")
	}
	return commands.Err()
}

func obey(ctx context.Context, server *embed.Server, b bus.Bus, words []string) error {
	if known, err := answer(ctx, b, words); known {
		return err
	}
	var events []bus.Event
	switch words[0] {
	case "watched":
		return await("a watcher", func() (bool, error) { return server.Interest(link.BatchPrefix+bus.TypeProcess.DefaultTopic()) > 0, nil })
	case "numbered", "garbage":
		return publishRaw(server, words[0] == "garbage", words[1:])
	case "gaps":
		return publishGaps(server, words[1:])
	case "publish":
		events = fakes[words[1]]
	case "burst":
		n, err := strconv.Atoi(words[1])
		if err != nil {
			return err
		}
		for i := range n {
			events = append(events, bus.Event{Payload: &bus.ProcessEvent{PID: uint32(i + 1), Name: "burst"}})
		}
	}
	if len(events) == 0 {
		return fmt.Errorf("unknown command %q", words)
	}
	for chunk := range slices.Chunk(events, 50) { // so that watchers keep up
		for _, event := range chunk {
			if err := b.Publish(ctx, event); err != nil {
				return err
			}
		}
		if err := b.Flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

// numbered is a publisher that skips numbers: to a watcher, what has these numbers was lost.
var numbered = uuid.UUID{0: 1, 1: 0x8f, 6: 0x70, 8: 0x80, 15: 1}

// publishRaw publishes what no bus would.
func publishRaw(server *embed.Server, garbage bool, numbers []string) error {
	conn, err := nats.Connect("", nats.InProcessServer(server), nats.Token(server.Token()))
	if err != nil {
		return err
	}
	defer conn.Close()
	topic := bus.TypeProcess.DefaultTopic()
	if garbage {
		err = conn.Publish(topic, []byte("garbage"))
	}
	for _, number := range numbers {
		event := fake(6, &bus.ProcessEvent{PID: 6, Name: "numbered", Accessible: true, FileExists: true, Timestamp: fakeTime})
		event.Topic, event.Publisher = topic, numbered
		if event.Sequence, err = strconv.ParseUint(number, 10, 64); err != nil {
			return err
		}
		encoded, err := event.MarshalMsg(nil)
		if err != nil {
			return err
		}
		if err := conn.Publish(topic, encoded); err != nil {
			return err
		}
	}
	return errors.Join(err, conn.Flush())
}

// publishGaps publishes the first and the third event of each publisher and topic: first all of the first ones, and then, in one go, the
// others.
func publishGaps(server *embed.Server, counts []string) error {
	publishers, err := strconv.Atoi(counts[0])
	if err != nil {
		return err
	}
	topics, err := strconv.Atoi(counts[1])
	if err != nil {
		return err
	}
	conn, err := nats.Connect("", nats.InProcessServer(server), nats.Token(server.Token()))
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, sequence := range []uint64{1, 3} {
		for p := range publishers {
			for t := range topics {
				event := fake(7, &bus.ProcessEvent{PID: 7, Name: "gap", Timestamp: fakeTime})
				event.Topic, event.Sequence = fmt.Sprintf("events.gaps.t%d", t), sequence
				event.Publisher = numbered
				event.Publisher[15], event.Publisher[14] = byte(p), 7
				encoded, err := event.MarshalMsg(nil)
				if err != nil {
					return err
				}
				if err := conn.Publish(event.Topic, encoded); err != nil {
					return err
				}
			}
		}
	}
	return conn.Flush()
}

// fakes are the known events: one of each type, and one whose texts try to take over the terminal.
var fakes = map[string][]bus.Event{
	"each": {
		fake(1, &bus.ProcessEvent{
			PID: 4242, PPID: new(uint32(1)), Name: "sleep", ExecutablePath: "/usr/bin/sleep", CommandLine: []string{"sleep", "7"},
			Accessible: true, FileExists: true, Timestamp: fakeTime, Metadata: bus.Metadata{"action": "start"},
		}),
		fake(2, &bus.NetworkEvent{
			ConnectionID: "c1", Protocol: "tcp", LocalAddr: "127.0.0.1:4000", RemoteAddr: "192.0.2.1:443", State: "established",
			PID: new(uint32(4242)), BytesSent: new(uint64(1536)), Timestamp: fakeTime,
		}),
		fake(3, &bus.FilesystemEvent{Path: "/etc/passwd", Operation: "write", PID: new(uint32(17)), Timestamp: fakeTime}),
		fake(4, &bus.PerformanceEvent{MetricName: "cpu", Value: 12.5, Unit: "percent", Component: "cpu0", Timestamp: fakeTime}),
	},
	"odd": {
		on("control.health.heartbeat.c1", "a\x1bb", fake(8, &bus.ProcessEvent{PID: 8, Name: "p", Timestamp: fakeTime})),
		on("events.odd.one", "mon9", fake(9, &bus.ProcessEvent{PID: 9, Name: "p", Timestamp: fakeTime})),
	},
	"hostile": {fake(5, &bus.ProcessEvent{
		PID: 666, Name: "sh\x1b]0;pwned\a\x1b[2J", ExecutablePath: "/tmp/\u202egnp.exe", CommandLine: []string{"sh", "\u009b31m\x7f", "a\nb", "\xff"},
		Accessible: true, FileExists: true, Timestamp: fakeTime,
	})},
}

var fakeTime = time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)

func fake(n byte, payload bus.Payload) bus.Event {
	return bus.Event{
		ID: uuid.UUID{0: 1, 6: 0x70, 8: 0x80, 15: n}, Time: fakeTime, Source: "mon" + string('0'+n), Payload: payload,
		Correlation: bus.Correlation{ID: "c", RootID: "c"},
	}
}

// on returns the event on another topic and of another source.
func on(topic, source string, event bus.Event) bus.Event {
	event.Topic, event.Source = topic, source
	return event
}
