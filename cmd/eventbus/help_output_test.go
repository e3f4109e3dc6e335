package main_test

import (
	"bytes"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// Help and version are written while the command line is parsed, and it is no wrong usage if that fails.
func TestHelpThatCannotBeWritten(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"watch", "--help"}, {"--version"}} {
		t.Run(args[0], func(t *testing.T) {
			readOnly, err := os.Open(os.DevNull)
			require.NoError(t, err)
			defer readOnly.Close()
			code, said := writesTo(t, readOnly, args)
			require.Equal(t, 1, code)
			require.Regexp(t, `^eventbus: write .*\n$`, said)

			read, write, err := os.Pipe()
			require.NoError(t, err)
			require.NoError(t, read.Close())
			defer write.Close()
			code, said = writesTo(t, write, args)
			require.Zero(t, code, "who closed it has what it wanted")
			require.Empty(t, said)
		})
	}
}

// writesTo runs the program with that standard output, and returns its exit code and what it said.
func writesTo(t *testing.T, out *os.File, args []string) (code int, said string) {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command("eventbus", args...)
	cmd.Stdout, cmd.Stderr = out, &stderr
	err := cmd.Run()
	require.NotNil(t, cmd.ProcessState, "%v", err)
	return cmd.ProcessState.ExitCode(), stderr.String()
}
