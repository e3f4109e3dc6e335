package bench

import (
	"sync"
	"time"
)

// pace says when to publish, at a steady rate.
//
// Another goroutine keeps the time, by sleeping in the kernel, and wakes the publisher through a channel. So the publisher waits as
// publishers do, without holding a processor that the readers could have.
type pace struct {
	ticks chan struct{}
	quit  chan struct{}
	keep  sync.WaitGroup
}

// newPace starts n ticks. Late ones follow at once, so that the rate is kept on average.
func newPace(rate, n int) *pace {
	p := &pace{ticks: make(chan struct{}), quit: make(chan struct{})}
	p.keep.Go(func() {
		start := time.Now()
		for i := range n {
			due := start.Add(time.Duration(i) * time.Second / time.Duration(rate))
			for left := time.Until(due); left > 0; left = time.Until(due) {
				sleep(left)
			}
			select {
			case p.ticks <- struct{}{}:
			case <-p.quit:
				return
			}
		}
	})
	return p
}

// wait returns when the next event is due.
func (p *pace) wait() { <-p.ticks }

// stop ends it and waits for that.
func (p *pace) stop() {
	close(p.quit)
	p.keep.Wait()
}
