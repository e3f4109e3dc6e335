package examples_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/bus"
)

// patience bounds each program: much more than it takes, also on a busy machine.
const patience = 60 * time.Second

// programs is the directory of the built examples, and of the operator's tool.
var programs string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "examples")
	if err == nil {
		defer os.RemoveAll(dir)
		programs = dir
		var out []byte
		build := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "./...", "../cmd/eventbus")
		if out, err = build.CombinedOutput(); err != nil {
			err = fmt.Errorf("%w\n%s", err, out)
		}
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "examples: %v\n", err)
		return 1
	}
	return m.Run()
}

// place is where a program meets others.
type place struct {
	t   testing.TB
	dir string
	env []string
}

// newPlace returns a place of its own. It is not t.TempDir, which can be too long for a socket.
func newPlace(t testing.TB) *place {
	t.Helper()
	dir, err := os.MkdirTemp("", "ex")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return &place{t: t, dir: dir, env: append(os.Environ(), "XDG_RUNTIME_DIR="+dir, "XDG_STATE_HOME="+dir+"/state")}
}

func (p *place) socket() string { return filepath.Join(p.dir, "eventbus", "eventbus.sock") }

// start starts a program, which is killed when the test ends, and returns what waits for its end.
func (p *place) start(name string, args ...string) (wait func() (code int, stdout, stderr string)) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	p.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, filepath.Join(programs, name), args...)
	if runtime.GOOS == "windows" {
		cmd.Path += ".exe"
	}
	var out, said bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = p.env, &out, &said, time.Second
	require.NoError(p.t, cmd.Start())
	return func() (int, string, string) {
		p.t.Helper()
		if err := cmd.Wait(); err != nil {
			_, exited := errors.AsType[*exec.ExitError](err)
			require.True(p.t, exited, "%v: %s", err, said.String())
		}
		return cmd.ProcessState.ExitCode(), out.String(), said.String()
	}
}

// run runs a program that has nothing to say on standard error, and returns its output.
func (p *place) run(name string, args ...string) string {
	p.t.Helper()
	code, out, said := p.start(name, args...)()
	require.Zero(p.t, code, said)
	require.Empty(p.t, said)
	return out
}

// serve opens a bus to which programs in the place can attach.
func (p *place) serve() bus.Bus {
	p.t.Helper()
	b, err := eventbus.Open(p.t.Context(), eventbus.Config{NATS: eventbus.NATSConfig{
		SocketPath: p.socket(), CredentialsDir: filepath.Join(p.dir, "state", "eventbus", "credentials"),
		Listen: "127.0.0.1:0", Shared: eventbus.SharedTakeover,
	}})
	require.NoError(p.t, err)
	p.t.Cleanup(func() { require.NoError(p.t, b.Shutdown(context.Background())) })
	return b
}

func TestEmbedded(t *testing.T) {
	const events = "events.process.lifecycle embedded [embedded 0]\nevents.process.lifecycle embedded [embedded 1]\n" +
		"published=2 delivered=2 dropped=0 lost=0\n"
	p := newPlace(t)
	require.Equal(t, "listening on "+p.socket()+"\n"+events, p.run("embedded", "-events", "2"))
	require.NoFileExists(t, p.socket())

	p.env = append(p.env, "EVENTBUS_BUS_TYPE=local")
	require.Equal(t, events, p.run("embedded", "-events", "2"), "the same without a server")

	code, _, said := p.start("embedded", "-config", filepath.Join(p.dir, "none.toml"))()
	require.Equal(t, 1, code)
	require.Contains(t, said, "none.toml")
}

// The custom collector attaches to a bus that is there, and its values are what the directory holds.
func TestCustomCollector(t *testing.T) {
	p, spool := newPlace(t), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(spool, "one"), make([]byte, 100), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(spool, "two"), make([]byte, 23), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(spool, "directory"), 0o700))
	r, err := p.serve().Subscribe(t.Context(), bus.Subscription{
		ID: "test", Capabilities: []bus.Capability{bus.CapabilityPerformance}, Events: bus.EventFilter{Sources: []string{"performance-spool"}},
	})
	require.NoError(t, err)

	p.env = append(p.env, "EVENTBUS_NATS__SHARED=attach")
	out := p.run("customcollector", "-dir", spool, "-interval", "1h", "-duration", "5s") // which is for attaching, too
	require.Equal(t, "scans=1 events=2 failed=0\n", out)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, want := range []bus.PerformanceEvent{
		{MetricName: "spool_files", Value: 2, Unit: "files", Component: spool}, {MetricName: "spool_bytes", Value: 123, Unit: "bytes", Component: spool},
	} {
		event, err := r.Next(ctx)
		require.NoError(t, err)
		measured := event.Payload.(*bus.PerformanceEvent)
		want.Timestamp = measured.Timestamp
		require.Equal(t, want, *measured)
		require.WithinDuration(t, time.Now(), measured.Timestamp, patience)
	}

	code, _, said := p.start("customcollector", "-dir", filepath.Join(spool, "none"))()
	require.Equal(t, 1, code)
	require.Contains(t, said, "performance-spool: open ", "what cannot even begin is an error")
}

func TestDetector(t *testing.T) {
	self := filepath.Join(programs, "detector")
	if runtime.GOOS == "windows" {
		self += ".exe"
	}
	content, err := os.ReadFile(self)
	require.NoError(t, err)
	out := newPlace(t).run("detector", "-name", filepath.Base(self))
	self, err = filepath.EvalSymlinks(self)
	require.NoError(t, err)
	require.Equal(t, "0 events.process.lifecycle  from process  stage \"\"\n"+
		"1 control.trigger.request   from detector stage \"analysis\"\n"+
		"2 events.process.integrity  from analyser stage \"analysis\"\n"+
		fmt.Sprintf("sha256 %x %s\n", sha256.Sum256(content), self), out)
}

// The consumer gets in with a seed that the operator's tool has made, and not with another.
func TestConsumer(t *testing.T) {
	p := newPlace(t)
	b := p.serve()
	url, seed := b.(eventbus.Listener).Endpoints().URL, filepath.Join(p.dir, "consumer.nk")
	code, _, said := p.start("eventbus", "creds", "make", "observer", "--name", "consumer", "--out", seed)()
	require.Zero(t, code, said)

	wait := p.start("consumer", "-url", url, "-seed", seed, "-subject", "events.network.>", "-count", "2")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	// It subscribes at some time: what it gets is two of what is published meanwhile.
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		code, out, said := wait()
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if code != 0 || said != "" || len(lines) != 2 {
			t.Errorf("code %d, output %q, standard error %q", code, out, said)
			return
		}
		line := regexp.MustCompile(`^\S+Z events\.network\.connections network network map\[.*connection_id:c-7 .*\]$`)
		for _, l := range lines {
			if !line.MatchString(l) {
				t.Errorf("line %q", l)
			}
		}
	}()
	publish := time.NewTicker(10 * time.Millisecond)
	defer publish.Stop()
	for done := false; !done; {
		select {
		case <-publish.C:
			require.NoError(t, b.Publish(ctx, bus.Event{Source: "network", Payload: &bus.NetworkEvent{ConnectionID: "c-7", Protocol: "tcp"}}))
		case <-ended:
			done = true
		}
	}

	code, _, said = p.start("consumer", "-url", url)()
	require.Equal(t, 1, code)
	require.Contains(t, said, "-seed is missing")
	code, _, said = p.start("consumer", "-url", url, "-seed", seed, "-subject", "control.collector.config")()
	require.Equal(t, 1, code)
	require.Contains(t, said, "permissions violation")
	code, _, said = p.start("eventbus", "creds", "revoke", "consumer")()
	require.Zero(t, code, said)
	require.Eventually(t, func() bool { // within two seconds
		code, _, said = p.start("consumer", "-url", url, "-seed", seed, "-timeout", "10ms")()
		return code == 1 && strings.Contains(said, "Authorization Violation")
	}, patience, 100*time.Millisecond)
}
