package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/show"
)

const (
	// printID names the subscription of --print in the closing table.
	printID = "print"
	// printQueue is how many events may wait for the terminal: some minutes of a busy host.
	printQueue = 1 << 16
)

// subscribePrinter subscribes to the patterns. What a slow terminal cannot take is dropped and counted: it must not slow down the
// collectors. missed is told of it.
func subscribePrinter(ctx context.Context, b bus.Bus, patterns []string, missed func(bus.Notice)) (bus.Receiver, error) {
	receiver, err := b.Subscribe(ctx, bus.Subscription{
		ID: printID, Patterns: patterns, QueueCapacity: printQueue, Overflow: bus.DropNewest, Notify: missed,
	})
	if err != nil {
		return nil, fmt.Errorf("--print: %w", err)
	}
	return receiver, nil
}

// printAll prints what the receiver gets, until the subscription has ended and everything is printed or the output fails. It
// flushes when nothing is waiting, so that a burst takes few writes.
func printAll(receiver bus.Receiver, out *show.Printer) error {
	for event := range receiver.All(context.Background()) {
		for event != nil {
			if err := out.Print(event); err != nil {
				return err
			}
			event, _ = receiver.TryNext() // its error is the end, which All sees as well
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// discardAll takes what the receiver gets until the subscription has ended, so that the shutdown need not wait for it.
func discardAll(receiver bus.Receiver) {
	for range receiver.All(context.Background()) {
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
