package daemon

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/show"
)

const (
	// printID names the subscription of --print in statistics.
	printID = "print"
	// PrintQueue is how many events may wait for the terminal: some minutes of a busy host.
	PrintQueue = 1 << 16
)

// Printing prints the events of some topics, --print, until its bus is shut down. Make one with [Subscribe].
type Printing struct {
	receiver bus.Receiver
	lines    lineCounter
	events   *show.Printer
	running  sync.WaitGroup
}

// Subscribe subscribes to the patterns; [Printing.Start] prints to out. What a slow terminal cannot take is dropped, counted and logged: it
// must not slow down who publishes.
func Subscribe(ctx context.Context, b bus.Bus, patterns []string, out io.Writer, color bool, logger *slog.Logger) (*Printing, error) {
	receiver, err := b.Subscribe(ctx, bus.Subscription{
		ID: printID, Patterns: patterns, QueueCapacity: PrintQueue, Overflow: bus.DropNewest, Notify: logMissed(logger),
	})
	if err != nil {
		return nil, fmt.Errorf("--print: %w", err)
	}
	p := &Printing{receiver: receiver, lines: lineCounter{out: out}}
	p.events = show.NewPrinter(&p.lines, show.Text, color)
	return p, nil
}

// Start prints what comes, on a goroutine that ends with the subscription. failed is told of an output that takes nothing any more;
// what comes then is discarded, so that the shutdown of the bus need not wait for it.
func (p *Printing) Start(failed func(error)) {
	p.running.Go(func() {
		if err := p.printAll(); err != nil {
			failed(err)
			for range p.receiver.All(context.Background()) {
			}
		}
	})
}

// printAll flushes when nothing is waiting, so that a burst takes few writes.
func (p *Printing) printAll() error {
	for event := range p.receiver.All(context.Background()) {
		for event != nil {
			if err := p.events.Print(event); err != nil {
				return err
			}
			event, _ = p.receiver.TryNext() // its error is the end, which All sees as well
		}
		if err := p.events.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// Wait waits until everything is printed, which is after the shutdown of the bus, and returns false if ctx ends first.
func (p *Printing) Wait(ctx context.Context) bool { return Wait(ctx, &p.running) }

// Statistics returns those of the subscription.
func (p *Printing) Statistics() bus.SubscriptionStatistics { return p.receiver.Statistics() }

// Unprinted returns how many events the bus counts as delivered that the output did not take.
func (p *Printing) Unprinted() uint64 {
	printed := p.lines.lines.Load() // first: the other number is never less
	return p.receiver.Statistics().Delivered - printed
}

// Wait waits for a group, and returns false if ctx ends first.
func Wait(ctx context.Context, group *sync.WaitGroup) bool {
	done := make(chan struct{})
	go func() { defer close(done); group.Wait() }()
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}

// lineCounter counts the lines that a writer has taken. An event is a line: what the bus has delivered and is not counted here was
// on its way to an output that did not take it.
type lineCounter struct {
	out   io.Writer
	lines atomic.Uint64
}

func (c *lineCounter) Write(p []byte) (int, error) {
	n, err := c.out.Write(p)
	c.lines.Add(uint64(bytes.Count(p[:n], []byte{'\n'})))
	return n, err
}
