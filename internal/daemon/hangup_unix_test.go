//go:build unix

package daemon_test

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/internal/daemon"
)

// TestAHangupEndsNothing before there is anything to read again, while that is done, or in the end.
func TestAHangupEndsNothing(t *testing.T) {
	hangUp := func() { require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGHUP)) }
	h := daemon.CatchHangups()
	defer h.Release()
	hangUp()
	calls, goOn := make(chan struct{}), make(chan struct{})
	stop := h.Each(func() { calls <- struct{}{}; <-goOn })
	called := func() {
		t.Helper()
		select {
		case <-calls:
		case <-time.After(patience):
			require.FailNow(t, "no call")
		}
	}
	called() // for what came before
	hangUp()
	goOn <- struct{}{}
	called() // for what came meanwhile
	close(goOn)
	stop()
	stop()
	hangUp()
	defer h.Each(func() { calls <- struct{}{} })()
	called() // for what came when nobody acted on it
}
