package main_test

import (
	"bufio"
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
)

const (
	// pipeful is more events than the pipe of the standard output holds, and queueful so many that nearly all of them wait in
	// the queue of --print, which has room for them and for what the collector itself sees meanwhile.
	pipeful  = 4000
	queueful = 55_000
)

// flood publishes events into a collector, with PIDs from 0.
func flood(t testing.TB, dir string, n int) {
	t.Helper()
	const chunk = 100 // so that the collector decodes them as fast as they come
	b := attach(t, dir)
	name := strings.Repeat("x", 150)
	for first := 0; first < n; first += chunk {
		ctx := background(t)
		for pid := first; pid < min(n, first+chunk); pid++ {
			require.NoError(t, b.Publish(ctx, bus.Event{Source: "flood", Payload: &bus.ProcessEvent{PID: uint32(pid), Name: name}}))
		}
		require.NoError(t, b.Flush(ctx))
	}
}

// startUnread starts a collector that prints everything to a pipe, of which the test holds the reading end.
func startUnread(t *testing.T, dir string, args ...string) (*collector, *os.File) {
	t.Helper()
	read, write, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { _ = read.Close() }) // the test may have closed it
	cmd := command(dir, append([]string{"--print", "events.#"}, args...)...)
	cmd.Env = append(cmd.Env, "EVENTBUS_HEALTH__HEARTBEAT=0s") // it would count, and is not printed
	cmd.Stdout = write
	c := launch(t, cmd)
	require.NoError(t, write.Close())
	c.awaitLog(t, "msg=collecting")
	return c, read
}

// gaps is a publisher that skips every second number. The collector finds that out in the order in which events reach it, and logs
// it; so when the log has it, everything that was published before is in the queue of --print, or is known to be lost.
type gaps struct {
	conn     *nats.Conn
	id       uuid.UUID
	sequence uint64
}

// publishGaps publishes the first event.
func publishGaps(t testing.TB, dir string) *gaps {
	t.Helper()
	token, err := os.ReadFile(socketIn(dir) + ".token")
	require.NoError(t, err)
	conn, err := nats.Connect("", nats.InProcessServer(dialer(socketIn(dir))), nats.Token(strings.TrimSpace(string(token))))
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	g := &gaps{conn: conn, id: uuid.New(), sequence: 1}
	require.NoError(t, g.publish())
	return g
}

// dialer dials a unix socket for nats.go.
type dialer string

func (d dialer) InProcessConn() (net.Conn, error) { return net.Dial("unix", string(d)) }

// publish publishes the event of the present number.
func (g *gaps) publish() error {
	event := bus.Event{
		ID: uuid.New(), Time: time.Now(), Topic: "events.process.lifecycle", Payload: &bus.ProcessEvent{PID: 1, Name: "gaps", Timestamp: time.Now()},
		Correlation: bus.Correlation{ID: "g", RootID: "g"}, Publisher: g.id, Sequence: g.sequence,
	}
	encoded, err := event.MarshalMsg(nil)
	if err == nil {
		err = g.conn.Publish(event.Topic, encoded)
	}
	return errors.Join(err, g.conn.Flush())
}

// seen publishes another event and waits until the collector has logged what is missing before it. One is enough, unless it was
// itself among events that came too fast.
func (g *gaps) seen(t testing.TB, c *collector) {
	t.Helper()
	const again = 2 * time.Second
	var next time.Time
	require.Eventually(t, func() bool {
		if now := time.Now(); now.After(next) {
			next = now.Add(again)
			g.sequence += 2
			if g.publish() != nil {
				return false
			}
		}
		return strings.Contains(c.stderr.String(), "of publisher "+g.id.String())
	}, patience, step, "%s", c.stderr)
}

// printed is what a collector has written to its standard output.
type printed struct {
	events int
	flood  int    // events of the flood, in order and none twice
	rest   string // what is no event
}

// readPrinted reads to the end of the output.
func readPrinted(t testing.TB, pipe *os.File) (p printed) {
	t.Helper()
	pid := regexp.MustCompile(` process pid=(\d+) name=x{150}( |$)`)
	event := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\S+Z events\.`)
	require.NoError(t, pipe.SetReadDeadline(time.Now().Add(4*patience)))
	last := -1
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		line := lines.Text()
		if !event.MatchString(line) {
			p.rest += line + "\n"
			continue
		}
		p.events++
		if match := pid.FindStringSubmatch(line); match != nil {
			n, err := strconv.Atoi(match[1])
			require.NoError(t, err)
			require.Greater(t, n, last)
			last = n
			p.flood++
		}
	}
	require.NoError(t, lines.Err())
	return p
}

// numbers returns the numbers that a pattern finds, which must be there exactly once.
func numbers(t testing.TB, text, pattern string) (found []int) {
	t.Helper()
	matches := regexp.MustCompile(`(?m)`+pattern).FindAllStringSubmatch(text, -1)
	require.Len(t, matches, 1, "%s in %s", pattern, text)
	for _, match := range matches[0][1:] {
		n, err := strconv.Atoi(match)
		require.NoError(t, err)
		found = append(found, n)
	}
	return found
}

func TestWhatIsQueuedIsPrintedAtTheEnd(t *testing.T) {
	dir := runtimeDir(t)
	config := filepath.Join(dir, "little.toml")
	require.NoError(t, os.WriteFile(config, []byte("[collect]\nprocesses = false\nconnections = false\nfiles = false\n"), 0o600))
	c, read := startUnread(t, dir, "--config", config, "--shutdown-timeout", "1h")
	g := publishGaps(t, dir)
	flood(t, dir, queueful)
	g.seen(t, c)
	c.signal(t, syscall.SIGTERM)
	c.awaitLog(t, "msg=ending")
	p := readPrinted(t, read)
	require.Equal(t, 0, c.wait(t))

	// What came faster than it could be decoded is lost, and counted.
	n := numbers(t, p.rest, `^published +received +.*\n(\d+) +(\d+) +(\d+) +(\d+) +(\d+) `)
	published, received, delivered, dropped, lost := n[0], n[1], n[2], n[3], n[4]
	require.Equal(t, queueful+int(g.sequence), received+lost)
	require.Equal(t, []int{published + received, 0}, []int{delivered, dropped})
	require.Equal(t, p.events, delivered, "every one of them is printed")
	n = numbers(t, p.rest, `^print +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)$`)
	require.Equal(t, []int{delivered, delivered, 0, lost}, n[:4], "matched, delivered, dropped, lost")
	require.Greater(t, n[4], queueful*9/10, "most of them were queued")
	log := c.stderr.String()
	require.Greater(t, numbers(t, log, `msg="delivered what was queued" delivered=(\d+) discarded=0$`)[0], queueful*9/10)
	require.NoFileExists(t, socketIn(dir))
}

func TestOutputThatIsNotReadHoldsNothingUpForLong(t *testing.T) {
	dir := runtimeDir(t)
	c, read := startUnread(t, dir, "--shutdown-timeout", "200ms")
	g := publishGaps(t, dir)
	flood(t, dir, queueful)
	g.seen(t, c)
	r := watch(t, attach(t, dir), "watcher")
	seeNap(t, r)
	signaled := time.Now()
	c.signal(t, syscall.SIGTERM)
	require.Equal(t, 1, c.wait(t))
	require.Less(t, time.Since(signaled), patience/3)
	log := c.stderr.String()
	require.Contains(t, log, "\ncollector: standard output takes nothing: no closing table\n")
	require.NoFileExists(t, socketIn(dir))

	// What it says was cut off is exact.
	n := numbers(t, log, `msg="the bus was cut off" discarded=(\d+) delivered_meanwhile=\d+ total\.published=(\d+) `+
		`total\.received=(\d+) total\.matched=(\d+) total\.delivered=(\d+) total\.dropped=(\d+) total\.lost=(\d+) `)
	discarded, published, received, matched, delivered, dropped, lost := n[0], n[1], n[2], n[3], n[4], n[5], n[6]
	require.Equal(t, queueful+int(g.sequence), received+lost)
	require.Equal(t, matched-delivered, discarded)
	require.GreaterOrEqual(t, matched, received)
	require.LessOrEqual(t, matched, published+received, "what a collector publishes while the bus ends may match nothing any more")
	require.Equal(t, dropped, discarded)
	require.Greater(t, discarded, queueful*9/10)
	// Of what was delivered, the output has taken the rest, and a part of what was just being written.
	unprinted := numbers(t, log, `msg="events were delivered to --print and not printed" events=(\d+)$`)[0]
	p := readPrinted(t, read)
	require.GreaterOrEqual(t, p.events, delivered-unprinted)
	require.LessOrEqual(t, p.events, delivered)
	require.Less(t, unprinted, pipeful)
}

func TestASecondSignalEndsItAtOnce(t *testing.T) {
	dir := runtimeDir(t)
	c, _ := startUnread(t, dir, "--shutdown-timeout", "1h")
	flood(t, dir, pipeful)
	c.signal(t, syscall.SIGTERM)
	c.awaitLog(t, "msg=ending")
	c.signal(t, os.Interrupt)
	require.Equal(t, 130, c.wait(t))
}

func TestAReaderThatHasSeenEnoughEndsIt(t *testing.T) {
	dir := runtimeDir(t)
	c, read := startUnread(t, dir, "--shutdown-timeout", "1h") // which would show if it waited for what nobody prints
	flood(t, dir, pipeful)
	require.NoError(t, read.Close())
	require.Equal(t, 0, c.wait(t))
	require.Contains(t, c.stderr.String(), "nobody reads the output any more")
	require.Contains(t, c.stderr.String(), "events were delivered to --print and not printed")
	require.NoFileExists(t, socketIn(dir))
}
