package main

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// rate is how long an event takes at least. 0 is no time at all.
type rate time.Duration

// UnmarshalText implements [encoding.TextUnmarshaler] for N, N/s, N/m and N/h.
func (r *rate) UnmarshalText(text []byte) error {
	number, unit, isGiven := strings.Cut(string(text), "/")
	per, known := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[unit]
	if !isGiven {
		per, known = time.Second, true
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !known || !(n > 0) || math.IsInf(n, 1) {
		return fmt.Errorf("%q: must be a positive number with /s, /m or /h", text)
	}
	interval := float64(per) / n
	if interval > float64(24*time.Hour) {
		return fmt.Errorf("%q: is less than an event a day", text)
	}
	*r = rate(interval)
	return nil
}

// pacer says when to publish, at a steady rate. Late ones follow at once, so that the rate is kept on average.
type pacer struct {
	rate  rate
	start time.Time
	count int64
}

// wait returns when the next event is due, or ctx's error.
func (p *pacer) wait(ctx context.Context) error {
	if p.rate == 0 {
		return ctx.Err()
	}
	if p.start.IsZero() {
		p.start = time.Now()
	}
	due := p.start.Add(time.Duration(p.rate) * time.Duration(p.count))
	p.count++
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
