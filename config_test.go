package eventbus_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/bus"
)

func TestZeroConfigIsTheEmbeddedDefault(t *testing.T) {
	t.Parallel()
	require.NoError(t, eventbus.Config{}.Validate())
	require.Equal(t, eventbus.Config{
		BusType: eventbus.NATS, MaxSubscribers: 1000, QueueCapacity: 1024, Overflow: bus.Block, PublishTimeout: 5 * time.Second,
		CircuitBreak: bus.CircuitBreak{Overflows: 20, Window: 10 * time.Second, CoolDown: 5 * time.Second},
		NATS:         eventbus.NATSConfig{MaxPayload: 256 << 10, Role: "agent", Shared: eventbus.SharedNo},
	}, eventbus.Config{}.WithDefaults())
}

func TestWithDefaultsKeepsWhatIsSet(t *testing.T) {
	t.Parallel()
	set := eventbus.Config{
		BusType: eventbus.Local, MaxSubscribers: 1, QueueCapacity: 2, Overflow: bus.DropOldest, PublishTimeout: 3,
		CircuitBreak: bus.CircuitBreak{Overflows: 5, Window: 6, CoolDown: 7},
		NATS:         eventbus.NATSConfig{SocketPath: "s", Listen: "l", URL: "u", MaxPayload: 4, Role: "r", Shared: "s"},
	}
	require.Equal(t, set, set.WithDefaults())
}

func TestValidateBounds(t *testing.T) {
	t.Parallel()
	good := map[string]eventbus.Config{
		"largest": {MaxSubscribers: 1 << 20, QueueCapacity: 1 << 20, NATS: eventbus.NATSConfig{MaxPayload: 64 << 20}},
		"least":   {MaxSubscribers: 1, QueueCapacity: 1, PublishTimeout: 1, NATS: eventbus.NATSConfig{MaxPayload: 1}},
		"policy":  {Overflow: bus.DropNewest},
		"circuit": {Overflow: bus.BreakCircuit, CircuitBreak: bus.CircuitBreak{Overflows: 10_000, Window: 1, CoolDown: 1}},
		"IPv6":    {NATS: eventbus.NATSConfig{Listen: "[::1]:0"}},
		"name":    {NATS: eventbus.NATSConfig{Listen: "localhost:4222"}},
		"TLS":     {NATS: eventbus.NATSConfig{Listen: "0.0.0.0:4222", TLSCert: "c", TLSKey: "k"}},
		"users":   {NATS: eventbus.NATSConfig{Users: []string{"1001=observer", "0=agent"}}},
		"shared":  {NATS: eventbus.NATSConfig{Shared: eventbus.SharedTakeover}},
		"leaf":    {NATS: eventbus.NATSConfig{Leaf: eventbus.LeafConfig{Hub: "tls://a:7422", Topics: []string{"events.#"}, Accept: []string{"control.shutdown"}}}},
		"cluster": {NATS: eventbus.NATSConfig{URL: "nats://u:p@a:4222, tls://b , c:4222,wss://d/path"}},
	}
	for name, config := range good {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, config.Validate())
		})
	}
	for _, c := range []struct {
		config     eventbus.Config
		key, value string
	}{
		{eventbus.Config{BusType: "kafka"}, "event_bus.bus_type", `"kafka"`},
		{eventbus.Config{MaxSubscribers: -1}, "event_bus.max_subscribers", "-1"},
		{eventbus.Config{MaxSubscribers: 1<<20 + 1}, "event_bus.max_subscribers", "1048577"},
		{eventbus.Config{QueueCapacity: -1}, "event_bus.queue_capacity", "-1"},
		{eventbus.Config{QueueCapacity: 1<<20 + 1}, "event_bus.queue_capacity", "1048577"},
		{eventbus.Config{Overflow: 99}, "event_bus.overflow", "OverflowPolicy(99)"},
		{eventbus.Config{CircuitBreak: bus.CircuitBreak{Overflows: -1}}, "event_bus.circuit_break.overflows", "-1"},
		{eventbus.Config{CircuitBreak: bus.CircuitBreak{Overflows: 10_001}}, "event_bus.circuit_break.overflows", "10001"},
		{eventbus.Config{CircuitBreak: bus.CircuitBreak{Window: -time.Second}}, "event_bus.circuit_break.window", "-1s"},
		{eventbus.Config{CircuitBreak: bus.CircuitBreak{CoolDown: -time.Second}}, "event_bus.circuit_break.cool_down", "-1s"},
		{eventbus.Config{PublishTimeout: -time.Second}, "event_bus.publish_timeout", "-1s"},
		{eventbus.Config{NATS: eventbus.NATSConfig{MaxPayload: -1}}, "event_bus.nats.max_payload", "-1"},
		{eventbus.Config{NATS: eventbus.NATSConfig{MaxPayload: 64<<20 + 1}}, "event_bus.nats.max_payload", "67108865"},
		{eventbus.Config{NATS: eventbus.NATSConfig{Listen: "4222"}}, "event_bus.nats.listen", `"4222"`},
		{eventbus.Config{NATS: eventbus.NATSConfig{Listen: "0.0.0.0:4222"}}, "event_bus.nats.listen", `"0.0.0.0:4222"`},
		{eventbus.Config{NATS: eventbus.NATSConfig{Listen: ":4222"}}, "event_bus.nats.listen", `":4222"`},
		{eventbus.Config{NATS: eventbus.NATSConfig{Listen: "127.0.0.1:70000"}}, "event_bus.nats.listen", `"127.0.0.1:70000"`},
		{eventbus.Config{NATS: eventbus.NATSConfig{Listen: "bus.example:4222", TLSCert: "c", TLSKey: "k"}}, "event_bus.nats.listen", `"bus.example:4222"`},
		{eventbus.Config{NATS: eventbus.NATSConfig{TLSCert: "c"}}, "event_bus.nats.tls_cert", `"c"`},
		{eventbus.Config{NATS: eventbus.NATSConfig{TLSKey: "k"}}, "event_bus.nats.tls_key", `"k"`},
		{eventbus.Config{NATS: eventbus.NATSConfig{Role: "nobody"}}, "event_bus.nats.role", `"nobody"`},
		{eventbus.Config{NATS: eventbus.NATSConfig{Users: []string{"1001=nobody"}}}, "event_bus.nats.users", `"1001=nobody"`},
		{eventbus.Config{NATS: eventbus.NATSConfig{Users: []string{"1001=agent", "01001=observer"}}}, "event_bus.nats.users", `"01001=observer"`},
		{eventbus.Config{NATS: eventbus.NATSConfig{Users: []string{"me=observer"}}}, "event_bus.nats.users", `"me=observer"`},
		{eventbus.Config{NATS: eventbus.NATSConfig{Users: []string{"1001"}}}, "event_bus.nats.users", `"1001"`},
		{eventbus.Config{NATS: eventbus.NATSConfig{Users: []string{"-1=observer"}}}, "event_bus.nats.users", `"-1=observer"`},
		{eventbus.Config{NATS: eventbus.NATSConfig{Shared: "maybe"}}, "event_bus.nats.shared", `"maybe"`},
		{eventbus.Config{NATS: eventbus.NATSConfig{Leaf: eventbus.LeafConfig{Hub: "http://u:secret@a"}}}, "event_bus.nats.leaf.hub", ""},
		{eventbus.Config{NATS: eventbus.NATSConfig{Leaf: eventbus.LeafConfig{Topics: []string{"a..b"}}}}, "event_bus.nats.leaf.topics", `"a..b"`},
		{eventbus.Config{NATS: eventbus.NATSConfig{Leaf: eventbus.LeafConfig{Accept: []string{""}}}}, "event_bus.nats.leaf.accept", `""`},
		{eventbus.Config{NATS: eventbus.NATSConfig{Leaf: eventbus.LeafConfig{Prefix: "Fleet"}}}, "event_bus.nats.leaf.prefix", `"Fleet"`},
		{eventbus.Config{NATS: eventbus.NATSConfig{Leaf: eventbus.LeafConfig{Host: "a.b"}}}, "event_bus.nats.leaf.host", `"a.b"`},
		{eventbus.Config{NATS: eventbus.NATSConfig{URL: "http://u:secret@a"}}, "event_bus.nats.url", ""},
		{eventbus.Config{NATS: eventbus.NATSConfig{URL: "nats://a:secret"}}, "event_bus.nats.url", ""},
		{eventbus.Config{NATS: eventbus.NATSConfig{URL: "a,,b"}}, "event_bus.nats.url", ""},
	} {
		t.Run(c.key+"="+c.value, func(t *testing.T) {
			t.Parallel()
			problem := only(t, c.config.Validate())
			require.Equal(t, c.key, problem.Key)
			require.Equal(t, c.value, problem.Value)
			require.NotEmpty(t, problem.Reason)
			require.NotContains(t, problem.Error(), "secret")
		})
	}
}

func TestValidateReportsEveryProblem(t *testing.T) {
	t.Parallel()
	problems := all(t, eventbus.Config{
		BusType: "x", QueueCapacity: -1, Overflow: 99, CircuitBreak: bus.CircuitBreak{Overflows: -1, Window: -1, CoolDown: -1},
	}.Validate())
	require.Len(t, problems, 6)
	require.Equal(t, `eventbus: event_bus.bus_type = "x": must be "nats" or "local"`, problems[0].Error())
	require.Equal(t, `eventbus: event_bus.circuit_break.cool_down = -1ns: must be positive`, problems[5].Error())
}

// all returns the problems in an error, each of which must be a *ConfigError.
func all(t *testing.T, err error) []*eventbus.ConfigError {
	t.Helper()
	require.Error(t, err)
	errs := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		errs = joined.Unwrap()
	}
	var problems []*eventbus.ConfigError
	for _, err := range errs {
		problem, ok := err.(*eventbus.ConfigError)
		require.True(t, ok, "%T: %v", err, err)
		require.True(t, strings.HasPrefix(err.Error(), "eventbus: "), "%v", err)
		problems = append(problems, problem)
	}
	return problems
}

// only returns the one problem in an error.
func only(t *testing.T, err error) *eventbus.ConfigError {
	t.Helper()
	problems := all(t, err)
	require.Len(t, problems, 1, "%v", err)
	return problems[0]
}
