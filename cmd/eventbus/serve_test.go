package main_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/natsprocess"
	"github.com/daemoneye/eventbus/internal/rendezvous"
	"github.com/daemoneye/eventbus/natsbus"
)

// running is a running eventbus serve or eventbus proxy.
type running struct {
	t      *testing.T
	cmd    *exec.Cmd
	out    *bufio.Scanner
	write  *os.File // the other end of its standard output
	errors *bytes.Buffer
}

// run starts the program, with a pipe as its standard output.
func run(t *testing.T, dir string, args ...string) *running {
	t.Helper()
	r := prepare(t, dir, args...)
	r.start()
	return r
}

func prepare(t *testing.T, dir string, args ...string) *running {
	t.Helper()
	read, write, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { _ = read.Close() })
	r := &running{t: t, cmd: exec.Command("eventbus", args...), out: bufio.NewScanner(patient{read}), errors: new(bytes.Buffer)}
	r.cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+dir, "XDG_STATE_HOME="+dir+"/state", "XDG_CONFIG_HOME="+dir+"/config", "EVENTBUS_NATS__ROLE=trusted", "GORACE="+noRaceDelay)
	r.cmd.Stdout, r.cmd.Stderr, r.write = write, r.errors, write
	return r
}

func (r *running) start() {
	r.t.Helper()
	require.NoError(r.t, r.cmd.Start())
	require.NoError(r.t, r.write.Close())
	r.t.Cleanup(func() {
		_ = r.cmd.Process.Kill()    // it has ended, unless the test failed
		_, _ = r.cmd.Process.Wait() // likewise
	})
}

// line returns the next line that it prints.
func (r *running) line() string {
	r.t.Helper()
	require.True(r.t, r.out.Scan(), "%v", r.out.Err())
	return r.out.Text()
}

// end sends a signal, and returns the exit code and what was said on standard error.
func (r *running) end(signal os.Signal) (code int, said string) {
	r.t.Helper()
	require.NoError(r.t, r.cmd.Process.Signal(signal))
	_ = r.cmd.Wait() // the exit code says it better
	return r.cmd.ProcessState.ExitCode(), r.errors.String()
}

// attachTo returns a bus on the usual socket.
func attachTo(t *testing.T, dir string) *natsbus.Bus {
	t.Helper()
	owner, _ := rendezvous.Owner(socketIn(dir))
	b, err := natsbus.Attach(t.Context(), socketIn(dir), &natsbus.Options{ServerUser: owner})
	require.NoError(t, err)
	t.Cleanup(func() { _ = b.Shutdown(t.Context()) }) // the server may have ended
	return b
}

func TestServeCarriesEventsAndEndsInOrder(t *testing.T) {
	for signal, code := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		dir := runtimeDir(t)
		served := run(t, dir, "serve", "--print", "events.#")
		require.Equal(t, "listening on "+socketIn(dir), served.line())
		require.Regexp(t, `^watch it with: .*eventbus watch 'events\.#'$`, served.line())
		publisher, subscriber := attachTo(t, dir), attachTo(t, dir)
		r, err := subscriber.Subscribe(t.Context(), bus.Subscription{ID: "s"})
		require.NoError(t, err)
		require.NoError(t, publisher.Publish(t.Context(), bus.Event{Payload: &bus.ProcessEvent{PID: 4711, Name: "p"}}))
		event, err := r.Next(t.Context())
		require.NoError(t, err)
		pid, _ := event.PID()
		require.Equal(t, uint32(4711), pid)
		require.Contains(t, served.line(), "pid=4711")
		got, said := served.end(signal)
		require.Equal(t, code, got, said)
		require.Contains(t, said, "msg=ending reason="+signal.String())
		require.NoFileExists(t, socketIn(dir))
	}
}

// TestServeHasAPage that shows what others publish to each other, to who has the link.
func TestServeHasAPage(t *testing.T) {
	dir := runtimeDir(t)
	served := run(t, dir, "serve", "--http", "127.0.0.1:0", "--http-events")
	served.line()
	served.line()
	url, ok := strings.CutSuffix(strings.TrimPrefix(served.line(), "metrics: "), "/metrics")
	require.True(t, ok)
	file, ok := strings.CutPrefix(strings.TrimSuffix(served.line(), ")"), "page: "+url+"/ (with events: the link in ")
	require.True(t, ok)
	link, err := os.ReadFile(file)
	require.NoError(t, err)
	_, token, ok := strings.Cut(strings.TrimSpace(string(link)), "#token=")
	require.True(t, ok)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/live", nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	require.True(t, lines.Scan())
	require.JSONEq(t, `{"events":"shown"}`, lines.Text())
	require.NoError(t, attachTo(t, dir).Publish(t.Context(), bus.Event{Payload: &bus.ProcessEvent{PID: 4711, Name: "p"}}))
	for !strings.Contains(lines.Text(), "pid=4711") {
		require.True(t, lines.Scan())
	}
	require.NoError(t, answer.Body.Close())
	code, said := served.end(os.Interrupt)
	require.Equal(t, 130, code, said)
	require.NoFileExists(t, file)
}

func TestProxyIsFoundAndIsNoOpenDoor(t *testing.T) {
	dir := runtimeDir(t)
	served := run(t, dir, "serve")
	served.line()
	p := run(t, dir, "proxy")
	url, ok := strings.CutPrefix(p.line(), "listening on ")
	require.True(t, ok)
	seed := filepath.Join(dir, "state", "eventbus", "credentials", "observer.nk")
	require.Equal(t, fmt.Sprintf("watch it with: nats --server %s --nkey %s --inbox-prefix _INBOX_observer sub 'events.>' --translate 'eventbus decode'", url, seed), p.line())
	_, err := nats.Connect(url)
	require.ErrorIs(t, err, nats.ErrAuthorization, "whoever may use the socket, the port makes nobody of them")
	key, err := nats.NkeyOptionFromSeed(seed)
	require.NoError(t, err)
	conn, err := nats.Connect(url, key, nats.CustomInboxPrefix("_INBOX_observer"))
	require.NoError(t, err)
	defer conn.Close()

	found := run(t, dir, "context")
	require.Equal(t, "nats --context eventbus sub 'events.>'", found.line())
	require.NoError(t, found.cmd.Wait())
	written, err := os.ReadFile(filepath.Join(dir, "config", "nats", "context", "eventbus.json"))
	require.NoError(t, err)
	require.Contains(t, string(written), `"url": "`+url+`"`)

	code, said := p.end(syscall.SIGTERM)
	require.Equal(t, 143, code, said)
	require.NoFileExists(t, socketIn(dir)+".proxy")
	code, said = served.end(os.Interrupt)
	require.Equal(t, 130, code, said)
}

func TestTheLogIsWhatTheFlagsSay(t *testing.T) {
	dir := runtimeDir(t)
	served := run(t, dir, "serve", "--log-format", "json", "--log-level", "debug")
	served.line()
	p := run(t, dir, "proxy", "--log-level", "debug", "--log-format", "json")
	url, ok := strings.CutPrefix(p.line(), "listening on nats://")
	require.True(t, ok)
	_, said := served.end(syscall.SIGTERM)
	requireLogged(t, said, "INFO", "event bus server started")
	requireLogged(t, said, "DEBUG", "the NATS server says")
	conn, err := net.Dial("tcp", url)
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.ReadAll(conn)
	require.NoError(t, err)
	_, said = p.end(syscall.SIGTERM)
	requireLogged(t, said, "DEBUG", "cannot reach the server")

	served = run(t, dir, "serve", "--log-level", "error")
	served.line()
	_, said = served.end(syscall.SIGTERM)
	require.Empty(t, said)
}

// requireLogged fails unless all that was said are JSON lines, and a message is among them.
func requireLogged(t *testing.T, said, level, message string) {
	t.Helper()
	found := false
	for line := range strings.Lines(said) {
		var record struct{ Level, Msg string }
		require.NoError(t, json.Unmarshal([]byte(line), &record), line)
		found = found || record.Level == level && record.Msg == message
	}
	require.True(t, found, "%s %s in:\n%s", level, message, said)
}

// A watcher with a credential is who that says, and not the user: it counts as the observer that is then revoked.
func TestWatchWithACredential(t *testing.T) {
	dir := runtimeDir(t)
	served := run(t, dir, "serve", "--listen", "127.0.0.1:0")
	served.line()
	served.line()
	url, _, ok := strings.Cut(strings.TrimPrefix(served.line(), "NATS clients: "), ",")
	require.True(t, ok)
	seed := filepath.Join(dir, "state", "eventbus", "credentials", "observer.nk")
	b := attachTo(t, dir)
	for _, way := range [][]string{{"--socket", socketIn(dir)}, {"--url", url}} {
		w := attached(t, dir, append(way, "--creds", seed, "--count", "1")...)
		require.NoError(t, b.Publish(t.Context(), bus.Event{Payload: &bus.ProcessEvent{PID: 1, Name: "p"}}))
		require.Contains(t, w.line(), "pid=1")
		code, said := w.end()
		require.Zero(t, code, said)
	}
	code, said := watch(t, dir, "--url", url, "--count", "1").end()
	require.Equal(t, 1, code, "nobody gets in by the listener without one: %s", said)
	require.Equal(t, "eventbus: natsbus: connect to "+url+" without a credential: nats: Authorization Violation: say with --creds which one the server knows, such as "+
		seed+" (eventbus creds list, eventbus creds make)\n", said)
	stranger, _ := natsprocess.NewSeed(t)
	code, said = watch(t, dir, "--url", url, "--creds", stranger).end()
	require.Equal(t, 1, code, said)
	require.Contains(t, said, " with the credential "+stranger+": nats: Authorization Violation: say with --creds which one the server knows (")
	code, said = watch(t, dir, "--creds", seed+".none").end()
	require.Equal(t, 1, code, said)
	require.Contains(t, said, seed+".none")
}
