package collect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/daemoneye/eventbus/bus"
)

// scanEvery calls scan at once and then in each interval of the pace until ctx ends or the bus is closed, and then returns nil. The first
// scan's error is returned; later ones are logged. Calls do not overlap: a ticker drops the ticks that nobody waits for.
func (o *outlet) scanEvery(ctx context.Context, pace *pace, scan func(context.Context) error) error {
	interval := pace.get()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for first := true; ; first = false {
		begin := time.Now()
		err := scan(ctx)
		switch {
		case ctx.Err() != nil, errors.Is(err, bus.ErrClosed):
			return nil
		case err != nil && first:
			return fmt.Errorf("collect: %s: first scan: %w", o.name, err)
		case err != nil:
			if suppressed, ok := o.failing.now(); ok {
				o.logger.WarnContext(ctx, "a scan failed and is tried again", "error", err, "interval", interval, "suppressed", suppressed)
			}
		default:
			o.scanned(ctx, time.Since(begin), interval)
		}
		for due := false; !due; {
			if now := pace.get(); now != interval {
				interval = now
				ticker.Reset(interval)
			}
			select {
			case <-ctx.Done():
				return nil
			case <-pace.changed:
			case <-ticker.C:
				due = true
			}
		}
	}
}

// scanned counts a scan, and logs one that took longer than the interval.
func (o *outlet) scanned(ctx context.Context, took, interval time.Duration) {
	o.counters.scans.Add(1)
	o.counters.lastScan.Store(int64(took))
	if took <= interval {
		return
	}
	if suppressed, ok := o.slow.now(); ok {
		o.logger.WarnContext(ctx, "a scan took longer than the interval", "took", took, "interval", interval, "suppressed", suppressed)
	}
}
