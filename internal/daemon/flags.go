package daemon

import (
	"fmt"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/internal/show"
	"github.com/daemoneye/eventbus/subjects"
)

// Flags are the arguments that the programs have in common. An empty one leaves the configuration as it is.
type Flags struct {
	Config string   `type:"path" placeholder:"FILE" help:"Configuration (TOML); without it everything has its default."`
	Socket string   `placeholder:"PATH" help:"Unix socket of the embedded server."`
	Listen string   `placeholder:"HOST:PORT" help:"Address on which the embedded server listens as well: a loopback one, or any if the configuration has a certificate."`
	Print  []string `sep:"none" placeholder:"PATTERN" help:"Print the events of these topics, such as 'events.process.#'; may be repeated."`

	Color show.ColorMode `enum:"auto,always,never" default:"auto" help:"Color the events of --print: auto, always or never. auto is on a terminal, unless NO_COLOR is set."`
	LogFlags
}

// UsageError reports arguments that are well-formed, but wrong in their combination.
type UsageError struct{ Reason string }

func (e *UsageError) Error() string { return e.Reason }

// Check checks what can be checked without the configuration.
func (f *Flags) Check() error {
	for _, pattern := range f.Print {
		if _, err := subjects.ParsePattern(pattern); err != nil {
			return fmt.Errorf("--print: %w", err)
		}
	}
	return nil
}

// Load reads the file and the environment.
func (f *Flags) Load(sections ...eventbus.Section) (eventbus.Config, []eventbus.Warning, error) {
	return eventbus.Load(f.Config, sections...)
}

// Override puts the flags on top of a configuration. A flag that could have no effect is a [*UsageError]: its user expects one.
func (f *Flags) Override(config *eventbus.Config) error {
	for _, flag := range []struct {
		name, value string
		into        *string
	}{{"--socket", f.Socket, &config.NATS.SocketPath}, {"--listen", f.Listen, &config.NATS.Listen}} {
		switch {
		case flag.value == "":
		case config.BusType == eventbus.Local:
			return &UsageError{fmt.Sprintf("%s %s: the local bus has no server", flag.name, flag.value)}
		case config.NATS.URL != "":
			return &UsageError{fmt.Sprintf("%s %s: event_bus.nats.url is set, so no server is embedded", flag.name, flag.value)}
		default:
			*flag.into = flag.value
		}
	}
	return nil
}
