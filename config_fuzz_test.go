package eventbus_test

import (
	"bytes"
	"fmt"
	"math/big"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/bus"
)

// FuzzLoad in config_load_test.go runs everything at once. These targets each hold one promise of Load to be kept.

// FuzzLoadFile checks that a problem is found where it is: a line before everything else moves it by one.
func FuzzLoadFile(f *testing.F) {
	for _, name := range []string{"example", "legacy"} {
		for _, document := range linesUnderTables(f, "testdata/config/"+name+".toml") {
			f.Add([]byte(document))
		}
	}
	for _, document := range []string{
		"", "\x00", "\xff", "\xef\xbb\xbf[event_bus]\nx = '", "event_bus", "event_bus = ", "[event_bus", "[[event_bus]]\nx = 1",
		"[event_bus]\nbus_type = nats", "[event_bus]\nbus_type = 'nats'\nbus_type = 'local'", "event_bus.event_bus.bus_type = 1",
		"\n\n[event_bus]\n\"queue\\u005fcapacity\" = -1", "event_bus = { nats = {\n 'odd\tkey' = '''\n''' } }", "a.b.c.d.e.f.g.h.i.j = 1",
		"[event_bus.nats]\nmax_payload = '9223372036854775807GiB'", "[event_bus]\npublish_timeout = '-1ns'\noverflow = ['block']",
		"[event_bus.circuit_break]\noverflows = 10001\nwindow = '-0s'\ncool_down = 1",
		"[event_bus.nats]\nurl = 'a,,b'\nlisten = ':1'", "[event_bus.nats]\nrole = 'observer'\nusers = ['1=agent', '2=nobody']",
		"[event_bus.nats]\ntls_cert = 'c'", "[event_bus.nats]\ntls_key = 'k'\ncredentials_dir = 'd'",
		"[event_bus.nats.leaf]\ntopics = ['a', 'b..']\naccept = ['c..']", "[event_bus.nats.leaf]\nprefix = 'A'\nhost = '-'\nhub = 'h'", "[event_bus]\nqueue_capacity = 1e3", "[event_bus]\nqueue_capacity = 1979-05-27",
		"[event_bus]\nqueue_capacity = \"\\n\\u001b\"", strings.Join(strings.Split("ABCDEFGHIJKLMNOPQRSTU", ""), "=1\n") + "=1",
		"[crossbeam]\npublish_timeout = { secs = 9223372036, nanos = 999999999 }", "[event_bus.daemoneye.process_manager]\nx = [[{}]]",
	} {
		f.Add([]byte(document))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		path := write(t, string(document))
		config, warnings, err := eventbus.LoadFrom(path, nil, nil)
		if err == nil {
			requireUsable(t, config)
		} else {
			require.Zero(t, config)
			for _, problem := range located(t, err) {
				requireTold(t, problem)
				line := lineOf(t, path, problem.Origin)
				// Elsewhere the name can be written otherwise, or on another line than its table.
				if len(warnings) == 0 && isBareKey(problem.Key) && !bytes.ContainsAny(document, `\{`) {
					name := problem.Key[strings.LastIndexByte(problem.Key, '.')+1:]
					require.Contains(t, string(bytes.Split(document, []byte("\n"))[line-1]), name)
				}
			}
		}
		if bytes.HasPrefix(document, []byte("\xef\xbb\xbf")) {
			return // which is no mark on the second line
		}

		movedConfig, movedWarnings, movedErr := eventbus.Parse(path, slices.Concat([]byte("# moved\n"), document), nil, nil)
		require.Equal(t, config, movedConfig)
		require.Len(t, movedWarnings, len(warnings))
		for i, moved := range movedWarnings {
			require.Equal(t, lineOf(t, path, warnings[i].Origin)+1, lineOf(t, path, moved.Origin))
			moved.Origin = warnings[i].Origin
			require.Equal(t, warnings[i], moved)
		}
		require.Equal(t, err == nil, movedErr == nil, "%v, then %v", err, movedErr)
		if err == nil {
			return
		}
		problems, movedProblems := located(t, err), located(t, movedErr)
		require.Len(t, movedProblems, len(problems))
		for i, moved := range movedProblems {
			require.Equal(t, problems[i].Key, moved.Key)
			require.Equal(t, problems[i].Value, moved.Value)
			require.Equal(t, problems[i].Reason, moved.Reason)
			require.Equal(t, lineOf(t, path, problems[i].Origin)+1, lineOf(t, path, moved.Origin))
		}
	})
}

// linesUnderTables returns a document for each key of a file. With whole files for seeds, the fuzzer would spend all its time on
// making the first of them shorter.
func linesUnderTables(f *testing.F, path string) []string {
	data, err := os.ReadFile(path)
	require.NoError(f, err)
	var documents []string
	table := ""
	for line := range strings.Lines(string(data)) {
		switch line[0] {
		case '#', '\n':
		case '[':
			table = line
		default:
			documents = append(documents, table+line)
		}
	}
	require.NotEmpty(f, documents)
	return documents
}

// requireTold checks what a message owes to a person and to a log.
func requireTold(t *testing.T, problem *eventbus.ConfigError) {
	t.Helper()
	require.NotEmpty(t, problem.Reason)
	require.Regexp(t, `\A[^\x00-\x1f\x7f]+\z`, problem.Error(), "one line, without anything that a terminal obeys")
	require.Less(t, len(problem.Reason), 300, "what the file has does not make the message long")
	require.NotEmpty(t, problem.Key+problem.Origin)
}

func isBareKey(key string) bool { return key != "" && !strings.Contains(key, `"`) }

// located returns the problems in an error, without the last one if that only says that there are more.
func located(t *testing.T, err error) []*eventbus.ConfigError {
	t.Helper()
	const limit = 20
	problems := all(t, err)
	if len(problems) > limit {
		require.Equal(t, &eventbus.ConfigError{Reason: "there are more problems than these"}, problems[limit])
		require.Len(t, problems, limit+1)
		problems = problems[:limit]
	}
	return problems
}

// lineOf returns the line of an origin in a file.
func lineOf(t *testing.T, path, origin string) int {
	t.Helper()
	place, ok := strings.CutPrefix(origin, path+":")
	require.True(t, ok, "%q is no place in %q", origin, path)
	number, _, _ := strings.Cut(place, ":")
	line, err := strconv.Atoi(number)
	require.NoError(t, err, origin)
	return line
}

// requireUsable checks that a configuration is whole, and that a file and an environment can say the same.
func requireUsable(t *testing.T, config eventbus.Config) {
	t.Helper()
	require.NoError(t, config.Validate())
	require.Equal(t, config.WithDefaults(), config)
	document, environ := said(t, "event_bus", reflect.ValueOf(config))
	again, warnings, err := eventbus.Parse("again.toml", []byte(document), nil, nil)
	require.NoError(t, err, document)
	require.Empty(t, warnings)
	require.Equal(t, config, again)
	again, warnings, err = eventbus.LoadFrom("", environ, nil)
	require.NoError(t, err, environ)
	require.Empty(t, warnings)
	require.Equal(t, config, again)
}

// said returns the keys of a table, each of its fields that has one, as lines of a document and as variables.
func said(t *testing.T, path string, table reflect.Value) (document string, environ []string) {
	t.Helper()
	for field, value := range table.Fields() {
		name := field.Tag.Get("toml")
		if name == "" {
			continue
		}
		key, text, variable := path+"."+name, "", ""
		switch value := value.Interface().(type) {
		case bus.CircuitBreak, eventbus.NATSConfig, eventbus.LeafConfig:
			lines, variables := said(t, key, reflect.ValueOf(value))
			document, environ = document+lines, append(environ, variables...)
			continue
		case int:
			text, variable = strconv.Itoa(value), strconv.Itoa(value)
		case []string:
			for _, element := range value {
				text += escaped(element) + ", "
			}
			text, variable = "["+text+"]", strings.Join(value, ",")
		default:
			text, variable = escaped(fmt.Sprint(value)), fmt.Sprint(value)
		}
		document += key + " = " + text + "\n"
		environ = append(environ, "EVENTBUS_"+strings.ToUpper(strings.ReplaceAll(key, ".", "__"))+"="+variable)
	}
	return document, environ
}

// escaped writes a string of TOML of which no rune can mean anything else.
func escaped(s string) string {
	var b strings.Builder
	for _, r := range s {
		fmt.Fprintf(&b, `\U%08X`, r)
	}
	return `"` + b.String() + `"`
}

// FuzzLoadSecret plants a secret in the value of a key named url, whatever the file says before and after it.
func FuzzLoadSecret(f *testing.F) {
	const secret = "hunter2hunter2"
	for _, table := range []string{
		"", "[event_bus]", "[event_bus.nats]", "[[event_bus.nats]]", "[event_bus.nats.url]", "[event_bus.circuit_break]",
		"[crossbeam.publish_timeout]", "event_bus.nats.url = 'a'",
	} {
		f.Add([]byte(table), "'nats://u:", "@h'", []byte("x = "))
		f.Add([]byte(table), "'http://u:", "@h'", []byte("[event_bus]"))
		f.Add([]byte(table), `"nats://u:`, `\q"`, []byte(""))
		f.Add([]byte(table), "nats://", "@h", []byte("'"))
		f.Add([]byte(table), "['nats://", "@h', {}]", []byte("url = 1"))
		f.Add([]byte(table), "{ a = '''nats://", "@h''' }", []byte("[event_bus]\nqueue_capacity = -1"))
		f.Add([]byte(table), "1979-05-27T00:00:00", "Z", []byte(""))
		f.Add([]byte(table), "0x", "", []byte("\x00"))
		f.Add([]byte(table), `"`, "", []byte(""))
	}
	f.Fuzz(func(t *testing.T, before []byte, left, right string, after []byte) {
		// Else the secret need not be in the value: a string may be open, or the line be left.
		if strings.ContainsAny(left+right, "\n") || toml.Unmarshal(before, new(map[string]any)) != nil {
			return
		}
		document := slices.Concat(before, []byte("\nurl = "+left+secret+right+"\n"), after)
		_, warnings, err := eventbus.Parse("c.toml", document, nil, nil)
		requireUntold(t, secret, warnings, err)
		for _, name := range []string{"NATS__URL", "NATS", "EVENT_BUS"} { // the second and third are slips
			variable := "EVENTBUS_" + name + "=" + left + secret + right
			_, warnings, err = eventbus.LoadFrom("", []string{variable, "EVENTBUS_OVERFLOW=x"}, nil)
			require.Error(t, err)
			requireUntold(t, secret, warnings, err)
		}
	})
}

func requireUntold(t *testing.T, secret string, warnings []eventbus.Warning, err error) {
	t.Helper()
	require.NotContains(t, fmt.Sprint(err), secret)
	require.NotContains(t, fmt.Sprint(warnings), secret)
}

// FuzzLoadEnvironment checks that the order of the variables and the level that may be left out mean nothing, and compares what
// is taken as a value with what the documentation says.
func FuzzLoadEnvironment(f *testing.F) {
	for _, variable := range []string{
		"BUS_TYPE=local", "BUS_TYPE=crossbeam", "EVENT_BUS__BUS_TYPE=", "BUS_TYPE__X=1", "OVERFLOW=circuit-break",
		"QUEUE_CAPACITY=0x10", "QUEUE_CAPACITY=1048576", "QUEUE_CAPACITY=+007", "QUEUE_CAPACITY=\u0661", "MAX_SUBSCRIBERS=1048577",
		"PUBLISH_TIMEOUT=1h0.5s", "PUBLISH_TIMEOUT=-0", "PUBLISH_TIMEOUT=-1ns", "PUBLISH_TIMEOUT=",
		"CIRCUIT_BREAK__OVERFLOWS=10001", "CIRCUIT_BREAK__COOL_DOWN=1m", "CIRCUIT_BREAK=x",
		"NATS__MAX_PAYLOAD=\v64\u00a0mib ", "NATS__MAX_PAYLOAD=67108865", "NATS__LISTEN=[::1]:0", "NATS__URL=nats://u:p@h",
		"NATS=x", "NATS_LISTEN=x", "", "=", "__=x", "EVENT_BUS=x", "EVENT_BUS__EVENT_BUS__BUS_TYPE=x",
		"SOCKET_PATH=/s", "CROSSBEAM__MAX_SUBSCRIBERS=5", "DAEMONEYE=1", "DAEMONEYE__PUBLISH_TIMEOUT=5",
	} {
		name, value, _ := strings.Cut(variable, "=")
		f.Add(name, value, "EVENT_BUS__BUS_TYPE", "nats")
		f.Add(name, value, "max_subscribers", "0")
	}
	f.Fuzz(func(t *testing.T, name, value, otherName, otherValue string) {
		variable, other := "EVENTBUS_"+name+"="+value, "EVENTBUS_"+otherName+"="+otherValue
		config, warnings, err := eventbus.LoadFrom("", []string{variable, other}, nil)
		againConfig, againWarnings, againErr := eventbus.LoadFrom("", []string{other, "EVENTBUS", "X=" + value, variable}, nil)
		require.Equal(t, config, againConfig)
		require.Equal(t, warnings, againWarnings)
		require.Equal(t, err, againErr)
		if err == nil {
			require.NoError(t, config.Validate())
		} else {
			for _, problem := range all(t, err) {
				require.NotEmpty(t, problem.Key)
				require.Contains(t, []string{origin(variable), origin(other)}, problem.Origin)
				if !strings.ContainsFunc(name+otherName, isControl) {
					requireTold(t, problem)
				}
			}
		}
		requireLevelLeftOut(t, variable)
		requireDocumented(t, name, value)
	})
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

func origin(variable string) string {
	name, _, _ := strings.Cut(variable, "=")
	return name
}

func requireLevelLeftOut(t *testing.T, variable string) {
	t.Helper()
	rest := strings.TrimPrefix(variable, "EVENTBUS_")
	if level, _, _ := strings.Cut(strings.ToLower(origin(rest)), "__"); level == "event_bus" {
		return // it is there
	}
	long := "EVENTBUS_EVENT_BUS__" + rest
	config, warnings, err := eventbus.LoadFrom("", []string{variable}, nil)
	longConfig, longWarnings, longErr := eventbus.LoadFrom("", []string{long}, nil)
	require.Equal(t, config, longConfig)
	for i := range warnings {
		require.Equal(t, origin(variable), warnings[i].Origin)
		warnings[i].Origin = origin(long)
	}
	require.Equal(t, warnings, longWarnings)
	require.Equal(t, err == nil, longErr == nil, "%v, but %v", err, longErr)
	if err != nil {
		problem, longProblem := only(t, err), only(t, longErr)
		require.Equal(t, origin(variable), problem.Origin)
		problem.Origin = origin(long)
		require.Equal(t, problem, longProblem)
	}
}

var (
	wholeNumber = regexp.MustCompile(`\A[+-]?[0-9]+\z`)
	byteSize    = regexp.MustCompile(`\A[\s\v\x{85}\p{Z}]*([0-9]+)[\s\v\x{85}\p{Z}]*(?i:(b|kb|mb|gb|kib|mib|gib))?[\s\v\x{85}\p{Z}]*\z`)
)

// requireDocumented compares the keys whose values have a rule that can be said a second time by other means.
func requireDocumented(t *testing.T, name, value string) {
	t.Helper()
	var want bool
	switch strings.TrimPrefix(strings.ToLower(name), "event_bus__") {
	case "bus_type":
		want = slices.Contains([]string{"", "nats", "local", "crossbeam", "daemoneye"}, value)
	case "max_subscribers", "queue_capacity":
		n, ok := new(big.Int).SetString(value, 10)
		want = ok && wholeNumber.MatchString(value) && n.Sign() >= 0 && n.Cmp(big.NewInt(1<<20)) <= 0
	case "circuit_break__overflows":
		n, ok := new(big.Int).SetString(value, 10)
		want = ok && wholeNumber.MatchString(value) && n.Sign() >= 0 && n.Cmp(big.NewInt(10_000)) <= 0
	case "publish_timeout", "circuit_break__window", "circuit_break__cool_down":
		d, err := time.ParseDuration(value)
		want = err == nil && d >= 0
	case "nats__max_payload":
		if parts := byteSize.FindStringSubmatch(value); parts != nil {
			unit := map[string]int64{"": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}
			n, _ := new(big.Int).SetString(parts[1], 10)
			want = n.Mul(n, big.NewInt(unit[strings.ToLower(parts[2])])).Cmp(big.NewInt(64<<20)) <= 0
		}
	default:
		return
	}
	_, _, err := eventbus.LoadFrom("", []string{"EVENTBUS_" + name + "=" + value}, nil)
	require.Equal(t, want, err == nil, "%q: %v", value, err)
}
