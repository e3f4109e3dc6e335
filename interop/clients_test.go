package interop_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

// client is one of the clients that docs/clients.md shows.
type client struct {
	name      string
	source    string        // of what it publishes
	precision time.Duration // of the times that it reads

	// watch prints everything, as an observer.
	watch func(c *collector) *exec.Cmd
	// watchAs prints everything with a seed; nil if watch does not take one.
	watchAs func(c *collector, seed string) *exec.Cmd
	// publish publishes on a topic with the seed of a role.
	publish func(c *collector, role, topic string) *exec.Cmd
	// publishAs publishes with a seed; nil if publish takes roles only.
	publishAs func(c *collector, seed string) *exec.Cmd

	countsGaps bool // whether it says what it misses
	counted    bool // whether its events have a publisher and a sequence number
}

// command returns a command in a collector's environment.
func (c *collector) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = c.env
	return cmd
}

// scripted returns a client whose programs take a URL, a seed, and what to watch or where to publish.
func scripted(name, source string, precision time.Duration, watch, publish []string) client {
	run := func(c *collector, program []string, args ...string) *exec.Cmd {
		return c.command(program[0], append(program[1:len(program):len(program)], args...)...)
	}
	return client{
		name: name, source: source, precision: precision, countsGaps: true, counted: true,
		watch:   func(c *collector) *exec.Cmd { return run(c, watch, c.url, c.seed("observer")) },
		watchAs: func(c *collector, seed string) *exec.Cmd { return run(c, watch, c.url, seed) },
		publish: func(c *collector, role, topic string) *exec.Cmd {
			return run(c, publish, c.url, c.seed(role), topic)
		},
		publishAs: func(c *collector, seed string) *exec.Cmd { return run(c, publish, c.url, seed) },
	}
}

func clients() []client {
	return []client{
		scripted("python", "network-python", time.Microsecond,
			[]string{tools.python, "python/watch.py"}, []string{tools.python, "python/publish.py"}),
		scripted("node", "network-node", time.Millisecond,
			[]string{"node", filepath.Join(tools.node, "watch.mjs")}, []string{"node", filepath.Join(tools.node, "publish.mjs")}),
		scripted("goplain", "network-go", time.Nanosecond,
			[]string{filepath.Join(tools.bin, "goplain-watch")}, []string{filepath.Join(tools.bin, "goplain-publish")}),
		{
			name: "natscli", source: "network-cli", precision: time.Nanosecond,
			watch: func(c *collector) *exec.Cmd { return c.command("./natscli/watch.sh") },
			publish: func(c *collector, role, topic string) *exec.Cmd {
				return c.command("./natscli/publish.sh", topic, role)
			},
		},
		{
			name: "gobus", source: "network-gobus", precision: time.Nanosecond, countsGaps: true, counted: true,
			watch: func(c *collector) *exec.Cmd { return c.command(filepath.Join(tools.bin, "gobus-watch"), c.socket) },
			publish: func(c *collector, role, topic string) *exec.Cmd {
				return c.command(filepath.Join(tools.bin, "gobus-publish"), c.socket, c.seed(role), topic)
			},
			publishAs: func(c *collector, seed string) *exec.Cmd {
				return c.command(filepath.Join(tools.bin, "gobus-publish"), c.socket, seed)
			},
		},
	}
}

// forEach runs a test with each client and a collector of its own.
func forEach(t *testing.T, test func(t *testing.T, c *collector, client client)) {
	for _, client := range clients() {
		t.Run(client.name, func(t *testing.T) { test(t, startCollector(t), client) })
	}
}

// Each client reads what the collector says about a process, and what others publish, as a bus of this project does.
func TestWatch(t *testing.T) {
	forEach(t, func(t *testing.T, c *collector, client client) {
		reference := c.reference()
		network := c.attach("network")
		watcher := start(t, client.watch(c))
		publish := func(source string, payload *bus.NetworkEvent) *bus.Event {
			require.NoError(t, network.Publish(waiting(t), bus.Event{Topic: subjects.NetworkDNS, Source: source, Payload: payload}))
			require.NoError(t, network.Flush(waiting(t)))
			return reference.await(func(e *bus.Event) bool { return e.Source == source })
		}
		// It sees what is published from some moment on.
		eventually(t, func() bool {
			publish("network-ready", &bus.NetworkEvent{})
			return watcher.has(is("network-ready")) != nil
		}, watcher.said.String)

		process := exec.Command("sleep", "1000")
		require.NoError(t, process.Start())
		defer func() { require.NoError(t, process.Process.Kill()); _ = process.Wait() }() // it was killed
		started := watcher.await(func(event object) bool {
			return event["topic"] == subjects.ProcessLifecycle && fmt.Sprint(payload(event)["pid"]) == strconv.Itoa(process.Process.Pid)
		})
		want := reference.await(func(e *bus.Event) bool { return e.ID.String() == started["id"] })
		requireSame(t, want, started, client.precision)
		require.Equal(t, "process", started["type"])
		require.Equal(t, "process", started["source"])
		require.Equal(t, []any{"sleep", "1000"}, payload(started)["command_line"])
		require.Equal(t, object{"action": "start"}, payload(started)["metadata"])
		at, err := time.Parse(time.RFC3339Nano, started["time"].(string))
		require.NoError(t, err)
		require.WithinDuration(t, time.Now(), at, time.Minute)
		require.NotEqual(t, uuid.Nil, uuid.MustParse(started["publisher"].(string)))

		// What is unknown is no key, and what is large loses no digit.
		for source, pid := range map[string]*uint32{"network-unknown": nil, "network-known": new(uint32(42))} {
			want = publish(source, &bus.NetworkEvent{
				ConnectionID: "Grüße, 世界 🌍", PID: pid, BytesSent: new(uint64(1)<<53 + 1), Timestamp: time.Now(),
				Metadata: bus.Metadata{"nested": `{"a":[1,2]}`},
			})
			got := watcher.await(is(source))
			requireSame(t, want, got, client.precision)
			require.Equal(t, "9007199254740993", fmt.Sprint(payload(got)["bytes_sent"]))
			require.Equal(t, "Grüße, 世界 🌍", payload(got)["connection_id"])
			if pid == nil {
				require.NotContains(t, payload(got), "pid")
				continue
			}
			require.Equal(t, "42", fmt.Sprint(payload(got)["pid"]))
		}

		if client.countsGaps {
			publishWithGap(t, c)
			eventually(t, func() bool {
				watcher.has(func(object) bool { return false }) // so that it can go on
				return strings.Contains(watcher.said.String(), "missed 3 events")
			}, watcher.said.String)
		}
	})
}

// publishWithGap publishes events 1, 2 and 6 of a publisher.
func publishWithGap(t *testing.T, c *collector) {
	t.Helper()
	publisher := uuid.New()
	conn := c.plain("network")
	for _, number := range []int{1, 2, 6} {
		message, err := msgpack.Marshal(object{
			"type": "network", "publisher": publisher[:], "sequence": number,
			"payload": object{"connection_id": "c", "protocol": "udp", "timestamp": time.Now()},
		})
		require.NoError(t, err)
		require.NoError(t, conn.Publish(subjects.NetworkDNS, message))
	}
	require.NoError(t, conn.Flush())
}

// What each client publishes reaches a bus of this project whole.
func TestPublish(t *testing.T) {
	forEach(t, func(t *testing.T, c *collector, client client) {
		reference := c.reference()
		code, stdout, stderr := finish(t, client.publish(c, "network", subjects.NetworkConnections))
		require.Zero(t, code, stderr)
		event := reference.await(func(e *bus.Event) bool { return e.Source == client.source })

		connection := event.Payload.(*bus.NetworkEvent)
		var tls object
		require.NoError(t, unmarshal(connection.Metadata["tls"], &tls))
		require.Equal(t, object{"version": "1.3", "sni": []any{"例え.jp"}}, tls)
		require.Len(t, connection.Metadata, 1)
		require.WithinDuration(t, time.Now(), connection.Timestamp, time.Minute)
		require.WithinDuration(t, time.Now(), event.Time, time.Minute)
		require.Equal(t, &bus.NetworkEvent{
			ConnectionID: "c-1", Protocol: "tcp", LocalAddr: "192.0.2.7:50812", RemoteAddr: "[2001:db8::1]:443", State: "established",
			BytesSent: new(uint64(1)<<53 + 1), Timestamp: connection.Timestamp, Metadata: connection.Metadata,
		}, connection)
		require.Equal(t, subjects.NetworkConnections, event.Topic)
		require.Equal(t, bus.Metadata{"host": "büro-7 🖥"}, event.Metadata)
		require.Equal(t, uuid.Version(7), event.ID.Version(), "the bus has filled it in")
		require.Equal(t, event.ID.String(), event.Correlation.ID, "the bus has filled it in")
		if !client.counted {
			require.Zero(t, event.Publisher)
			require.Zero(t, event.Sequence)
			return
		}
		require.Equal(t, uint64(1), event.Sequence)
		published := parse(t, stdout)
		require.Equal(t, subjects.NetworkConnections, published["published"])
		if publisher, told := published["publisher"]; told {
			require.Equal(t, publisher, event.Publisher.String())
		}
	})
}

// What a client's role does not say is refused, and the client learns of it.
func TestRefused(t *testing.T) {
	forEach(t, func(t *testing.T, c *collector, client client) {
		reference := c.reference()
		refused := func(cmd *exec.Cmd, want string) {
			t.Helper()
			code, stdout, stderr := finish(t, cmd)
			require.Contains(t, strings.ToLower(stderr), want)
			require.NotZero(t, code)
			require.Empty(t, stdout)
		}
		refused(client.publish(c, "observer", subjects.NetworkConnections), violation)
		refused(client.publish(c, "network", subjects.ProcessLifecycle), violation)
		if client.watchAs != nil {
			refused(client.watchAs(c, c.seed("network")), violation)
			refused(client.watchAs(c, wrongSeed(t)), "authorization violation")
		}
		if client.publishAs != nil {
			refused(client.publishAs(c, wrongSeed(t)), "authorization violation")
		}
		eventually(t, func() bool { return strings.Contains(c.said(), "Publish Violation") }, c.said)
		// Nothing has got through: the first event of such a source is one that may be published.
		marker := bus.Event{Source: "network-marker", Payload: &bus.NetworkEvent{}}
		require.NoError(t, c.attach("network").Publish(waiting(t), marker))
		event := reference.await(func(e *bus.Event) bool { return strings.HasPrefix(e.Source, "network-") })
		require.Equal(t, marker.Source, event.Source)
	})
}

const violation = "permissions violation"

// wrongSeed returns the path of a seed that no server knows.
func wrongSeed(t *testing.T) string {
	t.Helper()
	pair, err := nkeys.CreateUser()
	require.NoError(t, err)
	seed, err := pair.Seed()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "wrong.nk")
	require.NoError(t, os.WriteFile(path, seed, 0o600))
	return path
}
