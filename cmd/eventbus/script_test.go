package main_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs the scripts of testdata/script. Beside the usual commands they have
//
//	collector start            start a collector at the usual place, $SOCKET
//	collector publish SET      see fakeCollector
//	collector stop, kill       end it politely, or not
//	attached                   wait until a watcher in the background sees what is published
//	scrub FILE                 copy stdout to FILE with the random publisher IDs made equal
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
			env.Setenv("GORACE", noRaceDelay)
			env.Setenv("SOCKET", socketIn(dir))
			env.Setenv("READY", readyIn(dir))
			env.Values["collector"] = new(*collector)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"collector": collectorCommand, "scrub": scrubCommand, "attached": attachedCommand,
		},
	})
}

func collectorCommand(ts *testscript.TestScript, _ bool, args []string) {
	running := ts.Value("collector").(**collector)
	if args[0] == "start" {
		c, err := start(ts.Getenv("SOCKET"))
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
