package daemon

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// OnHangup calls f for each SIGHUP, one call after the other, until the function that it returns is called, which waits for f. Signals that come
// while f runs are one call. There are none on Windows.
func OnHangup(f func()) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	end := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for {
			select {
			case <-signals:
				f()
			case <-end:
				return
			}
		}
	})
	return sync.OnceFunc(func() {
		signal.Stop(signals)
		close(end)
		running.Wait()
	})
}
