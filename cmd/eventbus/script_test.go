package main_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs the scripts of testdata/script. Beside the usual commands they have
//
//	collector start [ARG…]     start a collector at the usual place, $SOCKET, with the arguments of fakeCollector
//	collector publish SET      see fakeCollector
//	collector stop, kill       end it politely, or not
//	attached                   wait until a watcher in the background sees what is published
//	scrub FILE                 copy stdout to FILE with the random publisher IDs made equal
//	scrubport FILE             replace the ports of loopback URLs in FILE with PORT
//	mode MODE FILE             require that a file has that mode
//	hidden FILE                require that the seed in a file is neither in stdout nor in stderr
//	atmost N FILE              require that FILE has no more than N lines
//	equalevents FILE FILE      require that both have the same events, but for publisher and sequence
//	unhex FILE                 make FILE of its text, the hexadecimal form of its bytes
//
// and the program exitcode.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			dir, err := os.MkdirTemp("", "eb")
			if err != nil {
				return err
			}
			env.Defer(func() { _ = os.RemoveAll(dir) })
			env.Setenv("XDG_RUNTIME_DIR", dir)
			env.Setenv("XDG_STATE_HOME", filepath.Join(dir, "state"))
			env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state"))
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, "config"))
			env.Setenv("CREDS", filepath.Join(env.WorkDir, "state", "eventbus", "credentials"))
			env.Setenv("GORACE", noRaceDelay)
			env.Setenv("SOCKET", socketIn(dir))
			env.Setenv("READY", readyIn(dir))
			env.Values["collector"] = new(*collector)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"collector": collectorCommand, "scrub": scrubCommand, "attached": attachedCommand,
			"scrubport": scrubPortCommand, "mode": modeCommand, "hidden": hiddenCommand, "unhex": unhexCommand,
			"atmost": atMostCommand, "equalevents": equalEventsCommand,
		},
	})
}

func collectorCommand(ts *testscript.TestScript, _ bool, args []string) {
	running := ts.Value("collector").(**collector)
	if args[0] == "start" {
		c, err := start(ts.Getenv("SOCKET"), args[1:]...)
		ts.Check(err)
		ts.Defer(func() { _ = c.kill() }) // it may have ended in the script
		*running = c
		return
	}
	switch args[0] {
	case "stop":
		ts.Check((*running).stop())
	case "kill":
		ts.Check((*running).kill())
	default:
		ts.Check((*running).do(strings.Join(args, " ")))
	}
}

var publisherID = regexp.MustCompile(`"publisher":"[-0-9a-f]{36}"`)

func scrubCommand(ts *testscript.TestScript, _ bool, args []string) {
	scrubbed := publisherID.ReplaceAllString(ts.ReadFile("stdout"), `"publisher":"*"`)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(scrubbed), 0o600))
}

func attachedCommand(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(awaitReady(ts.Getenv("READY")))
}

var loopbackPort = regexp.MustCompile(`127\.0\.0\.1:[0-9]+`)

func scrubPortCommand(ts *testscript.TestScript, _ bool, args []string) {
	scrubbed := loopbackPort.ReplaceAllString(ts.ReadFile(args[0]), "127.0.0.1:PORT")
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(scrubbed), 0o600))
}

func modeCommand(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Lstat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s has mode %s, want %s", args[1], got, args[0])
	}
}

func hiddenCommand(ts *testscript.TestScript, _ bool, args []string) {
	seed := strings.TrimSpace(ts.ReadFile(args[0]))
	if len(seed) != 58 {
		ts.Fatalf("%s holds no seed", args[0])
	}
	for _, output := range []string{"stdout", "stderr"} {
		if strings.Contains(ts.ReadFile(output), seed) {
			ts.Fatalf("%s shows a seed", output)
		}
	}
}

func atMostCommand(ts *testscript.TestScript, _ bool, args []string) {
	most, err := strconv.Atoi(args[0])
	ts.Check(err)
	if text := ts.ReadFile(args[1]); strings.Count(text, "\n") > most {
		ts.Fatalf("%s has more than %d lines: %s", args[1], most, text)
	}
}

func equalEventsCommand(ts *testscript.TestScript, _ bool, args []string) {
	first, second := eventsIn(ts, args[0]), eventsIn(ts, args[1])
	if len(first) == 0 || !reflect.DeepEqual(first, second) {
		ts.Fatalf("%s and %s have different events:\n%v\n%v", args[0], args[1], first, second)
	}
}

// eventsIn returns the events in a file, less what a publisher gives them.
func eventsIn(ts *testscript.TestScript, name string) (events []map[string]any) {
	for line := range strings.Lines(ts.ReadFile(name)) {
		var event map[string]any
		ts.Check(json.Unmarshal([]byte(line), &event))
		delete(event, "publisher")
		delete(event, "sequence")
		events = append(events, event)
	}
	return events
}

func unhexCommand(ts *testscript.TestScript, _ bool, args []string) {
	data, err := hex.DecodeString(strings.Join(strings.Fields(ts.ReadFile(args[0])), ""))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o600))
}
