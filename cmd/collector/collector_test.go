package main_test

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
)

// startNap starts a process to be seen, and returns it and what ends it.
func startNap(t testing.TB, args ...string) (*exec.Cmd, func()) {
	t.Helper()
	cmd := exec.Command("nap", args...)
	input, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "up\n", line)
	return cmd, func() {
		t.Helper()
		require.NoError(t, input.Close())
		require.NoError(t, cmd.Wait())
	}
}

// seeNap starts a process, waits until the collector has seen it, and ends it.
func seeNap(t testing.TB, r bus.Receiver) {
	t.Helper()
	child, end := startNap(t)
	next(t, r, func(p *bus.ProcessEvent, _ string) bool { return p.PID == uint32(child.Process.Pid) })
	end()
}

func TestAWatcherSeesAProcessStartAndExit(t *testing.T) {
	dir := runtimeDir(t)
	c := start(t, dir)
	require.Equal(t, fmt.Sprintf("listening on %s\nwatch it with: eventbus watch 'events.#'\n", socketIn(dir)), c.stdout.String())
	r := watch(t, attach(t, dir), "watcher")

	seeNap(t, r) // so the first scan has begun, and what starts now is new
	child, end := startNap(t, "7", "with spaces")
	about := func(want string) func(*bus.ProcessEvent, string) bool {
		return func(p *bus.ProcessEvent, action string) bool {
			return p.PID == uint32(child.Process.Pid) && action == want
		}
	}
	started := next(t, r, about("start"))
	require.Equal(t, []string{"nap", "7", "with spaces"}, started.CommandLine)
	require.Equal(t, uint32(os.Getpid()), *started.PPID)
	end()
	exited := next(t, r, about("exit"))
	require.Equal(t, started.CommandLine, exited.CommandLine)
	require.Equal(t, started.StartTime, exited.StartTime)

	c.signal(t, os.Interrupt)
	require.Equal(t, 0, c.wait(t))
}

func TestItEndsInOrder(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			dir := runtimeDir(t)
			c := start(t, dir)
			c.signal(t, signal)
			require.Equal(t, 0, c.wait(t))
			require.Contains(t, c.stdout.String(), "\npublished  received  delivered  dropped  lost")
			require.Contains(t, c.stdout.String(), "\ncollector    scans  published  failed  last scan\nprocess ")
			require.Contains(t, c.stderr.String(), "msg=ending reason="+signal.String())
			left, err := os.ReadDir(filepath.Join(dir, "eventbus"))
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

func TestAWatcherGoesOnAfterAKill(t *testing.T) {
	dir := runtimeDir(t)
	c := start(t, dir)
	b := attach(t, dir)
	r := watch(t, b, "watcher")
	seeNap(t, r)
	require.NoError(t, c.cmd.Process.Kill())
	require.Equal(t, -1, c.wait(t))
	info, err := os.Lstat(socketIn(dir))
	require.NoError(t, err, "a killed collector leaves its socket behind")
	require.Equal(t, fs.ModeSocket, info.Mode().Type())

	start(t, dir)
	require.Eventually(t, func() bool { return b.Statistics().Reconnects == 1 }, patience, step)
	require.NoError(t, b.Flush(background(t)), "the server has the subscription again")
	seeNap(t, r)
}

func TestASecondCollectorOnTheSocketIsRefused(t *testing.T) {
	dir := runtimeDir(t)
	first := start(t, dir)
	second := launch(t, command(dir))
	require.Equal(t, 1, second.wait(t))
	require.Empty(t, second.stdout.String())
	require.Equal(t, fmt.Sprintf("collector: process %d (collector) already listens on %s: stop it, or choose another --socket\n",
		first.cmd.Process.Pid, socketIn(dir)), second.stderr.String())
	first.signal(t, syscall.SIGTERM)
	require.Equal(t, 0, first.wait(t), "it does not harm the first one")
}

func TestTheSocketIsNamedIfItIsNotTheUsualOne(t *testing.T) {
	dir := runtimeDir(t)
	socket := filepath.Join(dir, "own", "s p")
	c := start(t, dir, "--socket", socket)
	require.Equal(t, fmt.Sprintf("listening on %s\nwatch it with: eventbus watch --socket '%s' 'events.#'\n", socket, socket), c.stdout.String())
}

func TestTheLoopbackListenerIsAnnounced(t *testing.T) {
	dir := runtimeDir(t)
	c := start(t, dir, "--listen", "127.0.0.1:0")
	lines := strings.Split(strings.TrimSpace(c.stdout.String()), "\n")
	require.Len(t, lines, 3)
	var url, directory string
	_, err := fmt.Sscanf(lines[2], "NATS clients: %s with an nkey in %s", &url, &directory)
	require.NoError(t, err, lines[2])
	seed, err := nats.NkeyOptionFromSeed(filepath.Join(directory, "observer.nk"))
	require.NoError(t, err)
	conn, err := nats.Connect(strings.TrimSuffix(url, ","), seed)
	require.NoError(t, err, "an ordinary NATS client gets in with what is printed")
	defer conn.Close()
	sub, err := conn.SubscribeSync("events.>")
	require.NoError(t, err)
	_, err = sub.NextMsg(patience)
	require.NoError(t, err)
}

func TestAnExistingServerIsUsedAndItsTokenNotShown(t *testing.T) {
	dir, elsewhere := runtimeDir(t), runtimeDir(t)
	first := start(t, dir, "--listen", "127.0.0.1:0")
	_, rest, _ := strings.Cut(first.stdout.String(), "NATS clients: nats://")
	address, _, _ := strings.Cut(rest, ",")
	token, err := os.ReadFile(socketIn(dir) + ".token")
	require.NoError(t, err)
	secret := strings.TrimSpace(string(token))
	require.NoError(t, os.Mkdir(filepath.Join(elsewhere, ".ssh"), 0o700)) // one of the default paths
	cmd := command(elsewhere)
	cmd.Env = append(cmd.Env, "EVENTBUS_NATS__URL=nats://"+secret+"@"+address)
	second := launch(t, cmd)
	require.Contains(t, second.awaitPlace(t), "publishing to nats://"+address+"\n")

	r, err := attach(t, dir).Subscribe(background(t), bus.Subscription{
		ID: "watcher", Patterns: []string{"events.filesystem.#"}, // the first one does not watch files
	})
	require.NoError(t, err)
	touched := filepath.Join(elsewhere, ".ssh", "authorized_keys")
	require.Eventually(t, func() bool { // until its directory is watched, nothing is seen
		if os.WriteFile(touched, []byte("key"), 0o600) != nil {
			return false
		}
		event, err := r.TryNext()
		if err != nil || event == nil {
			return false
		}
		file, ok := event.Payload.(*bus.FilesystemEvent)
		return ok && file.Path == touched
	}, patience, step)
	second.signal(t, syscall.SIGTERM)
	require.Equal(t, 0, second.wait(t))
	require.NotContains(t, second.stdout.String()+second.stderr.String(), secret)
	require.NoDirExists(t, filepath.Join(elsewhere, "eventbus"), "it has no socket")
}

func TestTheCommandItPrintsWatchesIt(t *testing.T) {
	dir, programs := runtimeDir(t), t.TempDir()
	build := exec.Command("go", "build", "-o", programs+string(filepath.Separator), ".", "../eventbus")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	cmd := command(dir, "--duration", "1h")
	cmd.Path = filepath.Join(programs, "collector")
	c := launch(t, cmd)
	_, line, ok := strings.Cut(c.awaitPlace(t), "watch it with: ")
	require.True(t, ok)
	watcher := exec.Command("sh", "-c", strings.TrimSpace(line)+" --count 5 -o json")
	watcher.Env = cmd.Env
	printed, err := watcher.Output()
	require.NoError(t, err)
	require.Equal(t, 5, strings.Count(string(printed), "\n"), "%s", printed)
	c.signal(t, syscall.SIGTERM)
	require.Equal(t, 0, c.wait(t))
}
