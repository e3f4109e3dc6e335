package collect

import (
	"context"

	"github.com/daemoneye/eventbus/bus"
)

// Publisher is what a collector needs of a bus: every [bus.Bus] is one. Publish may be called from any goroutine.
type Publisher interface {
	// Publish takes ownership of the event's payload. An error that matches [bus.ErrClosed] ends the collector.
	Publish(ctx context.Context, event bus.Event) error
}

// Collector observes one domain of the host.
type Collector interface {
	// Name returns the collector's name, which is the source of its events.
	Name() string

	// Run publishes events until ctx ends or the bus is closed, and then returns nil. It returns an error if it cannot
	// begin. No goroutine of it is left when it returns.
	Run(ctx context.Context) error

	// Statistics returns a snapshot of what all calls of Run have done so far.
	Statistics() Statistics
}

var (
	_ Publisher = bus.Bus(nil)
	_ Collector = (*Processes)(nil)
	_ Collector = (*Connections)(nil)
	_ Collector = (*Files)(nil)
	_ Collector = (*Performance)(nil)
)

// Keys of the payload's metadata.
const (
	// Action is the key of what happened: one of the actions below.
	Action = "action"
	// Changed is the key of the fields that changed, by their names on the wire and separated by commas.
	Changed = "changed"
	// Truncated is the key of the fields that were cut to their limit, by their names on the wire and separated by commas.
	Truncated = "truncated"
)

// Values of the metadata entry [Action].
const (
	// ActionExisting is what was there at the first scan.
	ActionExisting = "existing"
	// ActionStart is a process that was not there at the scan before.
	ActionStart = "start"
	// ActionExit is a process that has ended. The event carries what was last known of it.
	ActionExit = "exit"
	// ActionOpened is a connection that was not there at the scan before.
	ActionOpened = "opened"
	// ActionClosed is a connection that is gone. The event carries what was last known of it.
	ActionClosed = "closed"
	// ActionChange is a process or a connection some of whose fields have changed: see [Changed].
	ActionChange = "change"
)
