package daemon

import (
	"fmt"
	"reflect"

	"github.com/alecthomas/kong"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/internal/show"
	"github.com/daemoneye/eventbus/subjects"
)

// Flags are the arguments that the programs have in common. A missing one leaves the configuration as it is.
type Flags struct {
	Config string   `type:"path" placeholder:"FILE" help:"Configuration (TOML); without it everything has its default."`
	Socket string   `placeholder:"PATH" help:"Unix socket of the embedded server."`
	Listen string   `placeholder:"HOST:PORT" help:"Address on which the embedded server listens as well: a loopback one, or any if the configuration has a certificate."`
	Print  []string `sep:"none" placeholder:"PATTERN" help:"Print the events of these topics, such as 'events.process.#'; may be repeated."`
	LogFlags

	HTTP       string `name:"http" placeholder:"HOST:PORT" help:"Loopback address of a page, /metrics, /healthz and /readyz, such as 127.0.0.1:9464."`
	HTTPEvents bool   `name:"http-events" help:"Let the page show events too, to who has the link in a file that the output names."`

	Color show.ColorMode `enum:"auto,always,never" default:"auto" help:"Color the events of --print: auto, always or never. auto is on a terminal, unless NO_COLOR is set."`
}

// UsageError reports arguments that are well-formed, but wrong in their combination.
type UsageError struct{ Reason string }

func (e *UsageError) Error() string { return e.Reason }

// CheckGiven returns an error for a flag whose value is nothing, such as that of a variable that is not set: it would be as if the flag
// was not there.
func CheckGiven(parsed *kong.Context) error {
	for _, path := range parsed.Path {
		if path.Flag == nil {
			continue
		}
		switch value := path.Flag.Target; value.Kind() {
		case reflect.String, reflect.Slice, reflect.Map:
			if value.Len() == 0 {
				return &UsageError{fmt.Sprintf("--%s: is empty: leave it out, or give it a value", path.Flag.Name)}
			}
		}
	}
	return nil
}

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
