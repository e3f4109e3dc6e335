package main_test

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	program "github.com/daemoneye/eventbus/cmd/eventbus"
)

// The tests run the real program, as a process of its own, against a real server in a third process: this file's binary is
// all three.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"eventbus": func() { os.Exit(announced()) }, "exitcode": exitCode, "fakecollector": fakeCollector,
	})
}

// exitCode is the program with another end: exitcode N eventbus ARGS… fails unless eventbus ARGS… ends with N.
func exitCode() {
	want := os.Args[1]
	os.Args = os.Args[2:]
	if got := strconv.Itoa(announced()); got != want {
		log.Fatalf("exit code %s, want %s", got, want)
	}
}

// announced runs the program and makes the file $READY, if there is such a name, when it prints its opening line. From then on it sees what is published; the
// server knows of its interest a moment earlier.
func announced() int {
	if os.Getenv("READY") == "" {
		return program.Program() // nobody waits for that, and standard error stays what it is, such as a terminal
	}
	stderr := os.Stderr
	read, write, err := os.Pipe()
	if err != nil {
		log.Fatal(err)
	}
	os.Stderr = write
	var copying sync.WaitGroup
	copying.Go(func() {
		lines := bufio.NewScanner(read)
		for lines.Scan() {
			fmt.Fprintln(stderr, lines.Text())
			if strings.Contains(lines.Text(), "attached to") {
				if err := os.WriteFile(os.Getenv("READY"), nil, 0o600); err != nil {
					log.Fatal(err)
				}
			}
		}
	})
	code := program.Program()
	os.Stderr = stderr
	_ = write.Close() // nothing is buffered in it
	copying.Wait()
	return code
}

// awaitReady returns when a program has made the file, and removes it for the next one.
func awaitReady(file string) error {
	return await("the opening line", func() (bool, error) {
		err := os.Remove(file)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil, err
	})
}

// await returns when the condition is true.
func await(what string, condition func() (bool, error)) error {
	deadline := time.After(patience)
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for {
		if ok, err := condition(); ok || err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-deadline:
			return fmt.Errorf("waited for too long for %s", what)
		}
	}
}

// patience bounds every wait of these tests.
const patience = 20 * time.Second

// noRaceDelay spares each program the second that the race detector waits at its end.
const noRaceDelay = "atexit_sleep_ms=0"

var update = flag.Bool("update", false, "rewrite the golden files in the scripts")

// runtimeDir returns a directory in which a collector and a watcher meet. It is not t.TempDir, which can be too long for a
// socket.
func runtimeDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "eb")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// socketIn and readyIn are where the collector serves and where the program says that it is attached.
func socketIn(dir string) string { return filepath.Join(dir, "eventbus", "eventbus.sock") }

func readyIn(dir string) string { return filepath.Join(dir, "ready") }
