package main_test

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	program "github.com/daemoneye/eventbus/cmd/collector"
)

// The tests run the real program as a process of its own: this file's binary is that program too, and the nap that it sees.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"collector": program.Main, "nap": nap, "exitcode": exitCode})
}

// nap says that it is up, and lasts until its standard input ends.
func nap() {
	fmt.Println("up")
	_, _ = bufio.NewReader(os.Stdin).ReadByte() // the end of the input is what it waits for
}

// exitCode runs its second argument with the rest, and fails unless that ends with the first argument as its exit code.
func exitCode() {
	cmd := exec.Command(os.Args[2], os.Args[3:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	_ = cmd.Run() // its exit code says it all
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != os.Args[1] {
		log.Fatalf("exit code %s, want %s", got, os.Args[1])
	}
}

// runtimeDir returns a directory in which a collector and a watcher meet. It is not t.TempDir, which can be too long for a
// socket.
func runtimeDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ec")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}
