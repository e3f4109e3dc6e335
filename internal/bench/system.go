package bench

import (
	"context"

	"github.com/daemoneye/eventbus/bus"
)

// System carries events inside a process.
type System interface {
	// Name is short and unique.
	Name() string
	// Open returns a new instance that is ready for subscribers.
	Open(ctx context.Context, setup Setup) (Link, error)
}

// Setup is what a few measurements need beside readers. Only the buses of this project are asked for it.
type Setup struct {
	// Others is the number of subscriptions that match nothing that is published.
	Others int
	// Stuck adds a subscriber that never reads, under drop-oldest.
	Stuck bool
}

// Link is an open system.
type Link interface {
	// Subscribe adds a reader and returns when what is published from now on reaches it. read is called for each event, by one
	// goroutine at a time.
	Subscribe(ctx context.Context, read func(*bus.ProcessEvent)) error
	// Publish sends one event to every reader. It is called from one goroutine.
	Publish(ctx context.Context, event *bus.ProcessEvent) error
	// Close releases everything and waits for the readers to end.
	Close(ctx context.Context) error
}

// Pair is a system that carries events from one process to another.
type Pair interface {
	// Name is short and unique.
	Name() string
	// Serve starts what the other process connects to, and returns the end of this process and the address for the other's.
	Serve(ctx context.Context) (end End, address string, err error)
	// Dial returns the end of the other process.
	Dial(ctx context.Context, address string) (End, error)
}

// End is one of the two ends of a pair.
type End interface {
	// Subscribe adds the one reader, and returns when what the other end publishes from now on reaches it. read gets the stamp of
	// each event, by one goroutine at a time; it is meaningless if the event was published without one.
	Subscribe(ctx context.Context, read func(stamp int64)) error
	// Publish sends an event of the pool. A stamp other than zero travels inside it, in place of something of the same size.
	Publish(ctx context.Context, event *bus.ProcessEvent, stamp int64) error
	// Close releases everything and waits for the reader to end.
	Close(ctx context.Context) error
}

// Peers are the systems that a program brings along.
type Peers struct {
	// Systems are compared with localbus inside a process.
	Systems []System
	// Pairs are compared with natsbus between processes.
	Pairs []Pair
}

// Names of the systems that are always there.
const (
	LocalBus    = "localbus"
	NATSBus     = "natsbus"
	Channels    = "bare channels"
	NATSBusUnix = "natsbus, unix socket"
	NATSBusTCP  = "natsbus, loopback"
	PlainNATS   = "nats.go, loopback"
)

// system returns the one of that name, or nil.
func (p Peers) system(name string) System {
	for _, s := range append([]System{localSystem{}, natsSystem{}, channelSystem{}}, p.Systems...) {
		if s.Name() == name {
			return s
		}
	}
	return nil
}

// pair returns the one of that name, or nil.
func (p Peers) pair(name string) Pair {
	for _, s := range append([]Pair{busPair{unix: true}, busPair{}, plainPair{}}, p.Pairs...) {
		if s.Name() == name {
			return s
		}
	}
	return nil
}
