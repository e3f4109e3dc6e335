package control

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

const (
	// DefaultMaxAnswer leaves room below the usual limit of a NATS message, 256 KiB.
	DefaultMaxAnswer = 192 << 10
	// minAnswer is what an answer without any list may need.
	minAnswer = 4 << 10
	// MinHeartbeat bounds the interval of heartbeats: more often, they would be a load.
	MinHeartbeat = 100 * time.Millisecond
	// maxID keeps ids, and the topics that they are in, short.
	maxID = 64
)

// Options are the settings of [Serve]. All but ID may be left out. The functions are called from any goroutine.
type Options struct {
	// ID names this component on topics: a segment of 1 to 64 of a-z, 0-9, _ and -, such as [DefaultID] makes. It is also the source of
	// its events. It should be another one than that of every other component on the same server.
	ID string
	// Program and Version say what it is.
	Program, Version string
	// Heartbeat is the interval of heartbeats, at least MinHeartbeat; 0 is none.
	Heartbeat time.Duration
	// Reasons returns why the component is degraded, beside what its bus tells; nil is nothing. It has to be quick.
	Reasons func() []string
	// Collectors returns the statistics of its collectors; nil is none.
	Collectors func() []CollectorStatistics
	// Settings is its configuration; nil is none, and then it does not answer on control.collector.config.
	Settings Settings
	// Publisher publishes its events; nil is the bus.
	Publisher Publisher
	// MaxAnswer bounds an answer, in bytes; 0 is DefaultMaxAnswer.
	MaxAnswer int
	// Logger gets whose heartbeats stop and come back; nil discards it.
	Logger *slog.Logger
}

// Publisher is the part of a [bus.Bus] that publishes.
type Publisher interface {
	Publish(ctx context.Context, event bus.Event) error
}

// Settings is a program's configuration, as far as it can be shown and changed while it runs. The methods may be called from any goroutine.
type Settings interface {
	// Settings returns all settings, by key.
	Settings() []Setting
	// Set changes values, given as JSON by their keys, and returns what has become of each, by key. by says who wants that, for the log.
	Set(ctx context.Context, by string, values map[string]json.RawMessage) []Change
}

// DefaultID returns an id for a program on this host, such as collector-web-1: what is not allowed in an id is a dash.
func DefaultID(program string) string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		return idOf(program)
	}
	host, _, _ = strings.Cut(host, ".")
	return idOf(program + "-" + host)
}

// idOf makes an id of a text.
func idOf(text string) string {
	id := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '-'
	}, strings.ToLower(text))
	return cmp.Or(id[:min(len(id), maxID)], "component")
}

// CheckID returns a [*bus.InvalidError] for an id that is none.
func CheckID(id string) error {
	_, err := subjects.HeartbeatFor(id)
	if err == nil && len(id) > maxID {
		err = fmt.Errorf("%d bytes, at most %d allowed", len(id), maxID)
	}
	if err == nil {
		return nil
	}
	return &bus.InvalidError{Field: "id", Value: id, Reason: fmt.Sprintf("must be 1 to %d of a-z, 0-9, _ and -", maxID), Err: err}
}

// CheckHeartbeat returns a [*bus.InvalidError] for an interval out of range.
func CheckHeartbeat(interval time.Duration) error {
	if interval == 0 || interval >= MinHeartbeat {
		return nil
	}
	return &bus.InvalidError{Field: "heartbeat", Value: interval.String(), Reason: fmt.Sprintf("must be 0 or at least %v", MinHeartbeat)}
}

func (o Options) withDefaults(b bus.Bus) (Options, error) {
	if err := cmp.Or(CheckID(o.ID), CheckHeartbeat(o.Heartbeat)); err != nil {
		return o, err
	}
	o.MaxAnswer = cmp.Or(o.MaxAnswer, DefaultMaxAnswer)
	if o.MaxAnswer < minAnswer {
		return o, &bus.InvalidError{Field: "max_answer", Value: fmt.Sprint(o.MaxAnswer), Reason: fmt.Sprintf("must be at least %d", minAnswer)}
	}
	if o.Publisher == nil {
		o.Publisher = b
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}
