package eventbus_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/bus"
)

func TestLegacyFileLoads(t *testing.T) {
	t.Parallel()
	config, warnings, err := eventbus.LoadFrom("testdata/config/legacy.toml", nil, nil)
	require.NoError(t, err)
	require.Equal(t, eventbus.Config{
		BusType: eventbus.Local, MaxSubscribers: 50, QueueCapacity: 2048, Overflow: bus.DropNewest,
		PublishTimeout: 1500 * time.Millisecond, NATS: eventbus.NATSConfig{SocketPath: "/run/daemoneye/collector.sock"},
	}.WithDefaults(), config)
	require.Len(t, warnings, 17, "one for each setting")
	texts := make(map[string]string)
	for _, w := range warnings {
		require.Regexp(t, `^testdata/config/legacy\.toml:\d+$`, w.Origin)
		texts[w.Key] = w.Text
	}
	require.Equal(t, `event_bus.bus_type = "crossbeam" is deprecated: use "local"`, texts["event_bus.bus_type"])
	require.Equal(t, "event_bus.socket_path is deprecated: use event_bus.nats.socket_path", texts["event_bus.socket_path"])
	require.Equal(t, "event_bus.crossbeam.max_persisted_events is deprecated and ignored: nothing has taken its place",
		texts["event_bus.crossbeam.max_persisted_events"])
	require.Contains(t, texts["event_bus.crossbeam.channel_capacity"], "ignored")
	require.Equal(t, "daemoneye.message_buffer_size is deprecated and ignored: "+
		"event_bus.crossbeam.per_subscriber_channel_capacity is given too", texts["daemoneye.message_buffer_size"])
	require.Contains(t, texts["daemoneye.process_manager"], "ignored", "a table that is a value")
}

func TestLegacySettings(t *testing.T) {
	t.Parallel()
	const socket = "event_bus.nats.socket_path"
	for name, c := range map[string]struct {
		document string
		environ  []string
		want     eventbus.Config
		warnings []string
	}{
		"the broker's name": {
			document: "[event_bus]\nbus_type = 'daemoneye'", want: eventbus.Config{BusType: eventbus.NATS},
			warnings: []string{`c.toml:2: event_bus.bus_type = "daemoneye" is deprecated: use "nats"`},
		},
		"its name in the environment": {
			environ: []string{"EVENTBUS_BUS_TYPE=crossbeam"}, want: eventbus.Config{BusType: eventbus.Local},
			warnings: []string{`EVENTBUS_BUS_TYPE: EVENTBUS_BUS_TYPE = "crossbeam" is deprecated: use "local"`},
		},
		"a socket outside every table": {
			document: "socket_path = '/s'", want: eventbus.Config{NATS: eventbus.NATSConfig{SocketPath: "/s"}},
			warnings: []string{"c.toml:1: socket_path is deprecated: use " + socket},
		},
		"a socket of the broker": {
			document: "[daemoneye]\nsocket_path = '/s'", want: eventbus.Config{NATS: eventbus.NATSConfig{SocketPath: "/s"}},
			warnings: []string{"c.toml:2: daemoneye.socket_path is deprecated: use " + socket},
		},
		"a socket in the environment": {
			environ:  []string{"EVENTBUS_SOCKET_PATH=/s"},
			want:     eventbus.Config{NATS: eventbus.NATSConfig{SocketPath: "/s"}},
			warnings: []string{"EVENTBUS_SOCKET_PATH: EVENTBUS_SOCKET_PATH is deprecated: use EVENTBUS_NATS__SOCKET_PATH"},
		},
		"a key beats its legacy name, even in the environment": {
			document: "[event_bus]\nnats.socket_path = '/new'", environ: []string{"EVENTBUS_SOCKET_PATH=/old"},
			want: eventbus.Config{NATS: eventbus.NATSConfig{SocketPath: "/new"}},
			warnings: []string{
				"EVENTBUS_SOCKET_PATH: EVENTBUS_SOCKET_PATH is deprecated and ignored: EVENTBUS_NATS__SOCKET_PATH is given too",
			},
		},
		"the environment beats the file among legacy names": {
			document: "socket_path = '/file'", environ: []string{"EVENTBUS_SOCKET_PATH=/env"},
			want: eventbus.Config{NATS: eventbus.NATSConfig{SocketPath: "/env"}},
			warnings: []string{
				"c.toml:1: socket_path is deprecated and ignored: EVENTBUS_SOCKET_PATH is given too",
				"EVENTBUS_SOCKET_PATH: EVENTBUS_SOCKET_PATH is deprecated: use EVENTBUS_NATS__SOCKET_PATH",
			},
		},
		"the table of the bus in use wins": {
			document: "[crossbeam]\nmax_subscribers = 1\n[daemoneye]\nmax_subscribers = 2\n[event_bus]\nbus_type = 'local'",
			want:     eventbus.Config{BusType: eventbus.Local, MaxSubscribers: 1},
			warnings: []string{
				"c.toml:2: crossbeam.max_subscribers is deprecated: use event_bus.max_subscribers",
				"c.toml:4: daemoneye.max_subscribers is deprecated and ignored: crossbeam.max_subscribers is given too",
			},
		},
		"the table of the other bus counts if it is alone": {
			document: "[crossbeam]\nmax_subscribers = 1", want: eventbus.Config{MaxSubscribers: 1},
			warnings: []string{"c.toml:2: crossbeam.max_subscribers is deprecated: use event_bus.max_subscribers"},
		},
		"a key that nobody knows in an old table": {
			document: "[daemoneye]\nqueues = [1]",
			warnings: []string{"c.toml:2: daemoneye.queues is deprecated and ignored: nothing has taken its place"},
		},
		"an empty old table": {
			document: "[event_bus.crossbeam]",
			warnings: []string{"c.toml:1: event_bus.crossbeam is deprecated and ignored: nothing has taken its place"},
		},
		"blocking": {
			document: "[crossbeam]\nbackpressure_strategy = 'Blocking'", want: eventbus.Config{Overflow: bus.Block},
			warnings: []string{"c.toml:2: crossbeam.backpressure_strategy is deprecated: use event_bus.overflow"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config, warnings, err := eventbus.Parse("c.toml", []byte(c.document), c.environ, nil)
			require.NoError(t, err)
			require.Equal(t, c.want.WithDefaults(), config)
			var texts []string
			for _, w := range warnings {
				texts = append(texts, w.String())
			}
			require.Equal(t, c.warnings, texts)
		})
	}
}

// A legacy value that cannot be used is blamed on the line where it stands, under the name it has now.
func TestLegacyProblems(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]string{
		"\n[crossbeam]\nper_subscriber_channel_capacity = 'many'": `eventbus: c.toml:3: event_bus.queue_capacity = "many": ` +
			`must be a whole number`,
		"[crossbeam]\nmax_subscribers = 2000000": `eventbus: c.toml:2: event_bus.max_subscribers = 2000000: must be 1 to 1048576`,
		"[crossbeam]\npublish_timeout = { secs = 9223372036854775807 }": `eventbus: c.toml:2: event_bus.publish_timeout = {…}: ` +
			`must be a duration such as "5s" or "1m30s", not negative`,
		"[crossbeam]\nbackpressure_strategy = 'CircuitBreaker'": `eventbus: c.toml:2: event_bus.overflow = "CircuitBreaker": ` +
			`must be block, drop-newest, drop-oldest or circuit-break`,
	} {
		_, warnings, err := eventbus.Parse("c.toml", []byte(document), nil, nil)
		require.EqualError(t, err, want)
		require.Len(t, warnings, 1, "what was deprecated is still said")
	}
}
