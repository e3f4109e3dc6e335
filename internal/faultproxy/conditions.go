package faultproxy

import (
	"context"
	"time"
)

// conditions say how bytes travel. They are never changed, but replaced.
type conditions struct {
	latency   time.Duration
	bandwidth int           // 0 is no limit
	stalled   bool          // nothing is forwarded
	changed   chan struct{} // closed when others have taken their place
}

// wait returns false if the context has ended, and true if the time is up or the conditions have changed.
func (c *conditions) wait(ctx context.Context, up <-chan time.Time) bool {
	select {
	case <-ctx.Done():
		return false
	case <-c.changed:
	case <-up:
	}
	return true
}

func (p *Proxy) change(set func(*conditions)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.conditions.Load()
	next := *old
	next.changed = make(chan struct{})
	set(&next)
	p.conditions.Store(&next)
	close(old.changed)
}

// SetLatency makes every byte arrive d after the proxy has read it, in both directions. Nothing waits for the bytes before
// it to arrive, and the order stays. 0, the default, and less are no latency.
func (p *Proxy) SetLatency(d time.Duration) {
	p.change(func(c *conditions) { c.latency = max(0, d) })
}

// SetBandwidth limits each direction of each connection: n bytes take at least n/bytesPerSecond, and time in which nothing could
// be sent is lost, except for 20 ms that make up for late timers. 0, the default, and less are no limit.
func (p *Proxy) SetBandwidth(bytesPerSecond int) {
	p.change(func(c *conditions) { c.bandwidth = max(0, bytesPerSecond) })
}

// Stall makes connections half-open: they stay, but nothing is forwarded in either direction, not even that a peer has gone,
// until Resume. What the peers send piles up, first here and then in the kernel, until they cannot send. New connections are
// accepted, but not connected to the target. A write of at most 16 KiB that has begun is not called back.
func (p *Proxy) Stall() {
	p.change(func(c *conditions) { c.stalled = true })
}

// Resume ends what Stall began. Nothing is lost.
func (p *Proxy) Resume() {
	p.change(func(c *conditions) { c.stalled = false })
}
