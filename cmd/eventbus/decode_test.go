package main_test

import (
	"bytes"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// zeros has no end.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// More than the largest message is refused, and not read to its end: it may have none.
func TestDecodeBoundsItsInput(t *testing.T) {
	cmd := exec.Command("eventbus", "decode")
	cmd.Env = append(os.Environ(), "GORACE="+noRaceDelay)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = zeros{}, &stdout, &stderr
	require.Error(t, cmd.Run())
	require.Equal(t, 1, cmd.ProcessState.ExitCode())
	require.Empty(t, stdout.String())
	require.Equal(t, "eventbus: decode: byte 67108874: standard input has more than the 67108874 bytes of the largest message\n", stderr.String())
}

func TestDecodeEndsAtASignal(t *testing.T) {
	for signal, code := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		cmd := exec.Command("eventbus", "decode")
		cmd.Env = append(os.Environ(), "GORACE="+noRaceDelay)
		in, err := cmd.StdinPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		// It handles signals from before it reads. That it reads shows in that more than a pipe holds was written.
		_, err = in.Write(make([]byte, 1<<20))
		require.NoError(t, err)
		require.NoError(t, cmd.Process.Signal(signal))
		require.Error(t, cmd.Wait())
		require.Equal(t, code, cmd.ProcessState.ExitCode())
	}
}
