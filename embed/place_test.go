//go:build unix

package embed_test

import (
	"bufio"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/internal/rendezvous"
)

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	require.NoError(t, err)
	return info.Mode()
}

func TestFilesAreTheUsersAlone(t *testing.T) {
	base, err := os.MkdirTemp("", "eb")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(base)) })
	socket := filepath.Join(base, "new", "dir", "s.sock")
	server := start(t, &embed.Options{Socket: socket}, withListener)

	require.Equal(t, socket, server.Socket())
	require.Equal(t, fs.ModeDir|0o700, mode(t, filepath.Dir(socket)))
	require.Equal(t, fs.ModeDir|0o700, mode(t, filepath.Join(base, "new")))
	require.Equal(t, fs.ModeSocket|0o600, mode(t, socket))
	require.Equal(t, fs.FileMode(0o600), mode(t, rendezvous.TokenFile(socket)))
	require.Equal(t, fs.FileMode(0o600), mode(t, rendezvous.ListenFile(socket)))
	require.ElementsMatch(t, []string{"s.sock", "s.sock.token", "s.sock.listen"}, names(t, filepath.Dir(socket)))

	token, err := rendezvous.ReadToken(socket)
	require.NoError(t, err)
	require.Equal(t, server.Token(), token)
	url, err := os.ReadFile(rendezvous.ListenFile(socket))
	require.NoError(t, err)
	require.Equal(t, server.URL()+"\n", string(url))

	stop(t, server)
	require.Empty(t, names(t, filepath.Dir(socket)))
}

func TestRolesOfUsers(t *testing.T) {
	own := os.Geteuid()
	for _, c := range []struct {
		options embed.Options
		uid     int
		want    string
	}{
		{embed.Options{}, own, embed.Agent},
		{embed.Options{}, 0, embed.Agent},
		{embed.Options{}, own + 1, ""},
		{embed.Options{Role: embed.Collector}, own, embed.Collector},
		{embed.Options{Role: embed.Collector}, 0, embed.Collector},
		{embed.Options{Users: map[int]string{own + 1: embed.Observer}}, own + 1, embed.Observer},
		{embed.Options{Users: map[int]string{own + 1: embed.Observer}}, own + 2, ""},
		{embed.Options{Users: map[int]string{own: embed.Observer}}, own, embed.Agent}, // Role says it
	} {
		got, err := embed.UserRole(&c.options, c.uid)
		require.NoError(t, err)
		require.Equal(t, c.want, got, "%+v", c)
	}
}

// helper runs a server in a process of its own.
func helper(t *testing.T, socket string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), helperSocket+"="+socket)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", line)
	return cmd
}

func TestSocketOfAKilledServerIsTakenOver(t *testing.T) {
	socket := newSocket(t)
	dead := helper(t, socket)
	old, err := rendezvous.ReadToken(socket)
	require.NoError(t, err)
	require.NoError(t, dead.Process.Kill())
	require.Error(t, dead.Wait())
	require.Len(t, names(t, filepath.Dir(socket)), 2, "the killed server leaves its files")

	server := start(t, &embed.Options{Socket: socket})
	require.NotEqual(t, old, server.Token())
	require.NoError(t, connectSocket(t, server).Flush())
	stop(t, server)
	require.Empty(t, names(t, filepath.Dir(socket)))
}

func TestLiveServerIsNamed(t *testing.T) {
	socket := newSocket(t)
	live := helper(t, socket)
	before := names(t, filepath.Dir(socket))
	token, err := rendezvous.ReadToken(socket)
	require.NoError(t, err)

	for _, options := range []*embed.Options{{Socket: socket}, {Socket: socket, NoSocket: true, Listen: "127.0.0.1:0"}} {
		_, err = embed.Start(t.Context(), options)
		var inUse *embed.InUseError
		require.ErrorAs(t, err, &inUse)
		require.Equal(t, socket, inUse.Socket)
		require.Equal(t, live.Process.Pid, inUse.PID)
		require.ErrorContains(t, err, socket)
	}
	require.Equal(t, before, names(t, filepath.Dir(socket)))
	conn, err := connect(t, "", nats.InProcessServer(dialer(socket)), nats.Token(token))
	require.NoError(t, err, "the live server is unharmed")
	require.NoError(t, conn.Flush())
}

// TestServerWithoutSocketHoldsItsPlace: there is nothing to dial, the lock on the token file tells.
func TestServerWithoutSocketHoldsItsPlace(t *testing.T) {
	socket := newSocket(t)
	server := start(t, &embed.Options{Socket: socket, NoSocket: true}, withListener)
	require.Empty(t, server.Socket())
	require.ElementsMatch(t, []string{"s.token", "s.listen"}, names(t, filepath.Dir(socket)))
	token, err := rendezvous.ReadToken(socket)
	require.NoError(t, err)
	conn, err := connect(t, server.URL(), nats.Token(token))
	require.NoError(t, err)
	require.NoError(t, conn.Flush())

	for _, noSocket := range []bool{false, true} {
		_, err := embed.Start(t.Context(), &embed.Options{Socket: socket, NoSocket: noSocket, Listen: "127.0.0.1:0"})
		var inUse *embed.InUseError
		require.ErrorAs(t, err, &inUse)
	}
	stop(t, server)
	require.Empty(t, names(t, filepath.Dir(socket)))
}

func TestOneOfManyStartersTakesAStaleSocket(t *testing.T) {
	const starters = 8
	socket := newSocket(t)
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket})
	require.NoError(t, err)
	stale.SetUnlinkOnClose(false)
	require.NoError(t, stale.Close())

	servers := make(chan *embed.Server, starters)
	refused := make(chan error, starters)
	var wg sync.WaitGroup
	for range starters {
		wg.Go(func() {
			server, err := embed.Start(t.Context(), &embed.Options{Socket: socket})
			if err != nil {
				refused <- err
				return
			}
			servers <- server
		})
	}
	wg.Wait()
	close(servers)
	close(refused)
	require.Len(t, servers, 1)
	for err := range refused {
		var inUse *embed.InUseError
		require.ErrorAs(t, err, &inUse)
		require.Equal(t, os.Getpid(), inUse.PID)
	}
	for server := range servers {
		require.NoError(t, connectSocket(t, server).Flush())
		stop(t, server)
	}
	require.Empty(t, names(t, filepath.Dir(socket)))
}

func TestTwoServersInOneDirectory(t *testing.T) {
	dir := filepath.Dir(newSocket(t))
	one := start(t, &embed.Options{Socket: filepath.Join(dir, "a")})
	two := start(t, &embed.Options{Socket: filepath.Join(dir, "a.sock")})
	atTwo := subscribe(t, connectBus(t, two), "in.>")
	publish(t, connectSocket(t, one), topic, "for one")
	requireNothing(t, atTwo)
	stop(t, one)
	publish(t, connectSocket(t, two), topic, "for two")
	requireNext(t, atTwo, "in.trusted.up.plain."+topic, "for two")
	stop(t, two)
	require.Empty(t, names(t, dir))
}

func TestWhatIsNoSocketIsLeftAlone(t *testing.T) {
	socket := newSocket(t)
	require.NoError(t, os.WriteFile(socket, []byte("precious"), 0o600))
	_, err := embed.Start(t.Context(), &embed.Options{Socket: socket})
	var invalid *embed.OptionError
	require.ErrorAs(t, err, &invalid)
	require.Equal(t, "Socket", invalid.Field)
	require.Equal(t, socket, invalid.Value)
	content, err := os.ReadFile(socket)
	require.NoError(t, err)
	require.Equal(t, "precious", string(content))
	require.Equal(t, []string{"s"}, names(t, filepath.Dir(socket)))
}

func TestStopLeavesASuccessorsFilesAlone(t *testing.T) {
	socket := newSocket(t)
	server := start(t, &embed.Options{Socket: socket})
	for _, path := range []string{socket, rendezvous.TokenFile(socket)} {
		require.NoError(t, os.Remove(path))
		require.NoError(t, os.WriteFile(path, []byte("another's"), 0o600))
	}
	stop(t, server)
	require.ElementsMatch(t, []string{"s", "s.token"}, names(t, filepath.Dir(socket)))
}

func TestUnsafePlacesAreRefused(t *testing.T) {
	dir := filepath.Dir(newSocket(t))
	open := filepath.Join(dir, "open")
	require.NoError(t, os.Mkdir(open, 0o700))
	require.NoError(t, os.Chmod(open, 0o750))
	link := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink(dir, link))
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, c := range []struct{ dir, reason string }{
		{open, "mode 0750"},
		{link, "symbolic link"},
		{file, "not a directory"},
	} {
		_, err := embed.Start(t.Context(), &embed.Options{Socket: filepath.Join(c.dir, "s")})
		require.ErrorContains(t, err, c.dir)
		require.ErrorContains(t, err, c.reason)
	}
	require.Equal(t, fs.ModeDir|0o750, mode(t, open), "unchanged")
	require.Empty(t, names(t, open))
	require.ElementsMatch(t, []string{"open", "link", "file"}, names(t, dir))
}

func TestSocketPathTooLong(t *testing.T) {
	dir := filepath.Dir(newSocket(t))
	long := filepath.Join(dir, strings.Repeat("x", rendezvous.MaxSocketPath-len(dir)))
	require.Len(t, long, rendezvous.MaxSocketPath+1)
	_, err := embed.Start(t.Context(), &embed.Options{Socket: long})
	require.ErrorContains(t, err, fmt.Sprintf("%d bytes long, but the name of a unix socket has at most %d", len(long), rendezvous.MaxSocketPath))
	require.ErrorContains(t, err, long)
	require.Empty(t, names(t, dir))

	server := start(t, &embed.Options{Socket: long[:len(long)-1]})
	require.NoError(t, connectSocket(t, server).Flush())
}
