package interop_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

// context writes a context of the nats CLI for a role.
func (c *collector) context(role string, args ...string) {
	c.t.Helper()
	code, stdout, stderr := finish(c.t, c.command(filepath.Join(tools.bin, "eventbus"), append([]string{"context", role, "--role", role}, args...)...))
	require.Zero(c.t, code, stderr)
	require.Equal(c.t, "nats --context "+role+" sub 'events.>'\n", stdout)
}

// nats runs the nats CLI in the context of a role.
func (c *collector) nats(role string, args ...string) (code int, stdout, stderr string) {
	c.t.Helper()
	return finish(c.t, c.command(filepath.Join(tools.bin, "nats"), append([]string{"--context", role}, args...)...))
}

// The command that eventbus context prints, with a count: as many events as were asked for, each with its topic.
func TestNATSSubscribes(t *testing.T) {
	c := startCollector(t)
	c.context("observer")
	watcher := start(t, c.command(filepath.Join(tools.bin, "nats"), "--context", "observer", "sub", "events.>", "--count", "3", "--translate", "eventbus decode"))
	network := c.attach("network")
	var topic string
	events := 0
	publishUntilEnd(t, network, watcher, func(line string) {
		if rest, ok := strings.CutPrefix(line, "[#"); ok {
			_, topic, ok = strings.Cut(rest, `] Received on "`)
			require.True(t, ok, line)
			topic = strings.TrimSuffix(topic, `"`)
		} else if line != "" {
			require.Equal(t, topic, parse(t, line)["topic"])
			events++
		}
	})
	require.Equal(t, 3, events)
}

// publishUntilEnd publishes events until a program has ended, and hands over the lines that it prints.
func publishUntilEnd(t *testing.T, b bus.Bus, p *program, line func(string)) {
	t.Helper()
	eventually(t, func() bool {
		require.NoError(t, b.Publish(waiting(t), bus.Event{Topic: subjects.NetworkDNS, Source: "network", Payload: &bus.NetworkEvent{}}))
		for {
			select {
			case text, ok := <-p.lines:
				if !ok {
					return true
				}
				line(text)
			default:
				return false
			}
		}
	}, p.said.String)
}

// A role that may not publish or watch something is told so, and a key that nobody knows does not get in.
func TestNATSIsRefused(t *testing.T) {
	c := startCollector(t)
	c.context("network")
	for _, refused := range []struct {
		args []string
		want string
	}{
		{[]string{"sub", "events.>", "--count", "1"}, `nats: permissions violation: Permissions Violation for Subscription to "events.>"`},
		{[]string{"pub", subjects.ProcessLifecycle, "x"}, `nats: permissions violation: Permissions Violation for Publish to "up.plain.events.process.lifecycle"`},
	} {
		code, _, stderr := c.nats("network", refused.args...)
		require.Equal(t, 1, code)
		require.Contains(t, stderr, refused.want)
	}
	c.context("network", "--creds", wrongSeed(t))
	code, _, stderr := c.nats("network", "pub", subjects.NetworkConnections, "x")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "Authorization Violation")
}

// Where event.py fails, such as for want of msgpack, nothing is published, and the script fails, too.
func TestNATSPublishesNoHalves(t *testing.T) {
	c := startCollector(t)
	library := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(library, "msgpack.py"), []byte("raise ImportError('not installed')\n"), 0o600))
	publish := c.command("./natscli/publish.sh")
	publish.Env = append(publish.Env, "PYTHONPATH="+library)
	code, stdout, stderr := finish(t, publish)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "ImportError: not installed")
	require.NotContains(t, stdout+stderr, "Published")
}

// The check connects, asks for the round trip time, and sends itself a message on an inbox of its role.
func TestNATSChecks(t *testing.T) {
	c := startCollector(t)
	c.context("observer")
	args := []string{"--timeout", "10s", "server", "check", "connection", "--format", "json"}
	for _, what := range []string{"connect", "rtt", "req"} { // how fast it is on a busy machine is another question
		args = append(args, "--"+what+"-warn", "10s", "--"+what+"-critical", "20s")
	}
	code, stdout, stderr := c.nats("observer", args...)
	require.Zero(t, code, stderr)
	var check struct {
		Status string
		OK     []string
	}
	require.NoError(t, json.Unmarshal([]byte(stdout), &check), stdout)
	require.Equal(t, "OK", check.Status)
	require.Len(t, check.OK, 3)
	require.Contains(t, check.OK[0], "connected to "+c.url)

	code, stdout, stderr = c.nats("observer", "rtt", "1", "--json")
	require.Zero(t, code, stderr)
	require.Contains(t, stdout, c.url)
}

// Within its role the CLI's benchmark goes through the bus. Its payload has to be an event.
func TestNATSBenchmarks(t *testing.T) {
	const messages = 2000
	c := startCollector(t)
	c.context("observer")
	c.context("network")
	event, err := msgpack.Marshal(object{"type": "network", "payload": object{"connection_id": "bench"}})
	require.NoError(t, err)
	file := filepath.Join(c.dir, "event.msgpack")
	require.NoError(t, os.WriteFile(file, event, 0o600))
	reference := c.reference()

	subscriber := start(t, c.command(filepath.Join(tools.bin, "nats"), "--context", "observer",
		"bench", "sub", subjects.NetworkDNS, "--msgs", strconv.Itoa(messages), "--no-progress"))
	var report strings.Builder
	ended := false
	// What comes before it has subscribed does not count, so it takes more than one run.
	eventually(t, func() bool {
		code, stdout, stderr := c.nats("network", "bench", "pub", subjects.NetworkDNS, "--msgs", strconv.Itoa(messages), "--payload", file, "--no-progress")
		require.Zero(t, code, stderr)
		require.Contains(t, stdout, "publisher stats:")
		require.NotContains(t, stderr, "WARNING")
		for {
			select {
			case line, ok := <-subscriber.lines:
				if ended = !ok; ended {
					return true
				}
				report.WriteString(line)
			default:
				return false
			}
		}
	}, subscriber.said.String)
	require.Contains(t, report.String(), "subscriber stats:", subscriber.said)
	connection := reference.await(func(e *bus.Event) bool { return e.Topic == subjects.NetworkDNS }).Payload.(*bus.NetworkEvent)
	require.Equal(t, "bench", connection.ConnectionID)

	// The benchmark may be over before it hears of a refusal.
	code, _, stderr := c.nats("observer", "bench", "pub", subjects.NetworkDNS, "--msgs", "10", "--no-progress")
	require.Zero(t, code, stderr)
	eventually(t, func() bool { return strings.Contains(c.said(), "Publish Violation") }, c.said)
}
