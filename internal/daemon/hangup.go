package daemon

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// Hangups are the SIGHUPs of the process. From [CatchHangups] until Release none ends it, whether somebody acts on them or not. There are none on
// Windows.
type Hangups struct{ signals chan os.Signal }

// CatchHangups has SIGHUP not end the process any more. The first one is kept until Each.
func CatchHangups() *Hangups {
	h := &Hangups{signals: make(chan os.Signal, 1)}
	signal.Notify(h.signals, syscall.SIGHUP)
	return h
}

// Each calls f for each SIGHUP, one call after the other, until the function that it returns is called, which waits for f. Signals that come
// while f runs are one call.
func (h *Hangups) Each(f func()) (stop func()) {
	end := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for {
			select {
			case <-h.signals:
				f()
			case <-end:
				return
			}
		}
	})
	return sync.OnceFunc(func() {
		close(end)
		running.Wait()
	})
}

// Release lets SIGHUP do what it did before.
func (h *Hangups) Release() { signal.Stop(h.signals) }
