package eventbus_test

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/bus"
)

// collectTable is a section as a host program has one.
type collectTable struct {
	Interval time.Duration       `toml:"process_interval"`
	Paths    []string            `toml:"paths"`
	Sizes    []eventbus.ByteSize `toml:"sizes"`
	Hash     bool                `toml:"hash"`
	Level    slog.Level          `toml:"level"`
	Workers  uint8               `toml:"workers"`
	Nice     int8                `toml:"nice"`
	Limit    uint64              `toml:"limit"`
	Share    float64             `toml:"share"`
	Unset    string
	Inner    struct {
		Name string `toml:"name"`
		URL  string `toml:"url"`
	} `toml:"inner"`
}

func (c *collectTable) Validate() error {
	if c.Workers > 64 {
		return &eventbus.ConfigError{Key: "collect.workers", Reason: "must be at most 64"}
	}
	if c.Inner.Name == "bad" {
		return errors.Join(errors.New("a bad name"), errors.New("really"))
	}
	return nil
}

func TestExampleHasEveryKeyWithItsDefault(t *testing.T) {
	t.Parallel()
	const example = "testdata/config/example.toml"
	config, warnings, err := eventbus.LoadFrom(example, nil, nil)
	require.NoError(t, err)
	require.Empty(t, warnings)
	require.Equal(t, eventbus.Config{}.WithDefaults(), config)
	document, err := os.ReadFile(example)
	require.NoError(t, err)
	for _, key := range eventbus.Keys() {
		name := key[strings.LastIndexByte(key, '.')+1:]
		require.Regexp(t, `(?m)^(`+name+` = |\[(event_bus\.)?(nats\.)?`+name+`\]$)`, string(document), key)
	}
}

func TestLoadReadsTheEnvironment(t *testing.T) {
	t.Setenv("EVENTBUS_BUS_TYPE", "local")
	config, warnings, err := eventbus.Load("")
	require.NoError(t, err)
	require.Empty(t, warnings)
	require.Equal(t, eventbus.Local, config.BusType)
}

func TestEnvironmentBeatsFile(t *testing.T) {
	t.Parallel()
	path := write(t, `
		[event_bus]
		bus_type = "not looked at"
		queue_capacity = 7
		publish_timeout = -1
		nats = { listen = "127.0.0.1:1", max_payload = 1024 }
		[collect]
		paths = ["/a"]
	`)
	var section collectTable
	config, _, err := eventbus.LoadFrom(path, []string{
		"EVENTBUS_BUS_TYPE=nats", "EVENTBUS_EVENT_BUS__PUBLISH_TIMEOUT=2s", "EVENTBUS_NATS__LISTEN=", "OTHER=1", "EVENTBUS=1",
		"EVENTBUS_NATS__MAX_PAYLOAD=1MB", "EVENTBUS_COLLECT__PATHS= /b , /c", "EVENTBUS_COLLECT__SIZES=1KiB,2",
		"EVENTBUS_COLLECT__WORKERS=3", "EVENTBUS_COLLECT__HASH=true", "EVENTBUS_COLLECT__SHARE=0.5", "EVENTBUS_COLLECT__NICE=-5",
	}, []eventbus.Section{{Name: "collect", Into: &section}})
	require.NoError(t, err)
	require.Equal(t, eventbus.Config{
		BusType: eventbus.NATS, QueueCapacity: 7, PublishTimeout: 2 * time.Second, NATS: eventbus.NATSConfig{MaxPayload: 1_000_000},
	}.WithDefaults(), config)
	require.Equal(t, collectTable{
		Paths: []string{"/b", "/c"}, Sizes: []eventbus.ByteSize{1024, 2}, Workers: 3, Hash: true, Share: 0.5, Nice: -5,
	}, section)
}

// The table can be given from every source that another key can, and key by key.
func TestCircuitBreak(t *testing.T) {
	t.Parallel()
	config, warnings, err := eventbus.Parse("c.toml", []byte(`
		[event_bus]
		overflow = "circuit-break"
		[event_bus.circuit_break]
		overflows = 3
		window = "1m"
		cool_down = "not looked at"
	`), []string{"EVENTBUS_CIRCUIT_BREAK__COOL_DOWN=250ms"}, nil)
	require.NoError(t, err)
	require.Empty(t, warnings)
	require.Equal(t, eventbus.Config{
		Overflow:     bus.BreakCircuit,
		CircuitBreak: bus.CircuitBreak{Overflows: 3, Window: time.Minute, CoolDown: 250 * time.Millisecond},
	}.WithDefaults(), config)

	config, _, err = eventbus.LoadFrom("", []string{
		"EVENTBUS_OVERFLOW=circuit-break", "EVENTBUS_CIRCUIT_BREAK__OVERFLOWS=7", "EVENTBUS_EVENT_BUS__CIRCUIT_BREAK__WINDOW=0s",
	}, nil)
	require.NoError(t, err)
	require.Equal(t, bus.BreakCircuit, config.Overflow)
	require.Equal(t, bus.CircuitBreak{Overflows: 7}.WithDefaults(), config.CircuitBreak, "zero is the default")
}

func TestSections(t *testing.T) {
	t.Parallel()
	section := collectTable{Interval: time.Hour, Paths: []string{"/default"}, Hash: true, Unset: "kept"}
	_, _, err := eventbus.Parse("c.toml", []byte(`
		collect.process_interval = "5s"
		[collect]
		level = "warn"
		sizes = ["1KiB", 5]
		share = 2
		inner.name = "x"
	`), []string{"EVENTBUS_COLLECT__PATHS="}, []eventbus.Section{{Name: "collect", Into: &section}})
	require.Error(t, err, "a table that is defined twice is a syntax error of TOML")
	_, _, err = eventbus.Parse("c.toml", []byte(`
		[collect]
		process_interval = "5s"
		level = "warn"
		sizes = ["1KiB", 5]
		share = 2
		inner.name = "x"
	`), []string{"EVENTBUS_COLLECT__PATHS="}, []eventbus.Section{{Name: "collect", Into: &section}})
	require.NoError(t, err)
	want := collectTable{
		Interval: 5 * time.Second, Sizes: []eventbus.ByteSize{1024, 5}, Hash: true, Level: slog.LevelWarn,
		Share: 2, Unset: "kept",
	}
	want.Inner.Name = "x"
	require.Equal(t, want, section)
}

func TestSectionsAreLeftAloneOnFailure(t *testing.T) {
	t.Parallel()
	paths := []string{"/default"}
	section := collectTable{Interval: time.Hour, Paths: paths}
	config, _, err := eventbus.Parse("c.toml", []byte("[collect]\nprocess_interval = '1s'\npaths = ['/b']\n[event_bus]\noverflow = 5"),
		nil, []eventbus.Section{{Name: "collect", Into: &section}})
	require.Equal(t, "event_bus.overflow", only(t, err).Key)
	require.Zero(t, config)
	require.Equal(t, collectTable{Interval: time.Hour, Paths: []string{"/default"}}, section)
}

func TestSectionsValidate(t *testing.T) {
	t.Parallel()
	sections := []eventbus.Section{{Name: "collect", Into: new(collectTable)}}
	_, _, err := eventbus.Parse("c.toml", []byte("[collect]\nworkers = 65"), nil, sections)
	require.EqualError(t, err, "eventbus: c.toml:2: collect.workers: must be at most 64")
	_, _, err = eventbus.Parse("", nil, []string{"EVENTBUS_COLLECT__INNER__NAME=bad", "EVENTBUS_QUEUE_CAPACITY=-1"}, sections)
	require.EqualError(t, err, "eventbus: collect: a bad name\neventbus: collect: really\n"+
		"eventbus: EVENTBUS_QUEUE_CAPACITY: event_bus.queue_capacity = -1: must be 1 to 1048576")
}

func TestUnusableSections(t *testing.T) {
	t.Parallel()
	for _, section := range []eventbus.Section{
		{Name: "", Into: &collectTable{}}, {Name: "Collect", Into: &collectTable{}}, {Name: "a__b", Into: &collectTable{}},
		{Name: "event_bus", Into: &collectTable{}}, {Name: "nats", Into: &collectTable{}}, {Name: "crossbeam", Into: &collectTable{}},
		{Name: "good", Into: &collectTable{}}, {Name: "x", Into: nil}, {Name: "x", Into: collectTable{}}, {Name: "x", Into: (*collectTable)(nil)},
		{Name: "x", Into: new(int)},
	} {
		_, _, err := eventbus.Parse("", nil, nil, []eventbus.Section{{Name: "good", Into: &collectTable{}}, section})
		require.Equal(t, section.Name, only(t, err).Key)
	}
	var odd struct {
		Field chan int `toml:"field"`
	}
	_, _, err := eventbus.Parse("", nil, []string{"EVENTBUS_X__FIELD=1"}, []eventbus.Section{{Name: "x", Into: &odd}})
	require.ErrorContains(t, err, "a field of type chan int cannot be set")
}

// TestProblems holds the messages, which are what a user of this package meets.
func TestProblems(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 200)
	for name, c := range map[string]struct {
		document, variable, want string
	}{
		"unknown key":           {document: "\n[event_bus]\nqueue_capasity = 1", want: "c.toml:3: event_bus.queue_capasity: unknown key, did you mean event_bus.queue_capacity?"},
		"wrong table":           {document: "[event_bus]\nlisten = 'x'", want: "c.toml:2: event_bus.listen: unknown key, did you mean event_bus.nats.listen?"},
		"capitals":              {document: "[event_bus]\nBUS_TYPE = 'nats'", want: "c.toml:2: event_bus.BUS_TYPE: unknown key, did you mean event_bus.bus_type?"},
		"dashes":                {document: "[event-bus]\nbus_type = 'nats'", want: "c.toml:1: event-bus: unknown key, did you mean event_bus?"},
		"key of a section":      {document: "[collect]\nhsh = true", want: "c.toml:2: collect.hsh: unknown key, did you mean collect.hash?"},
		"same name, its table":  {document: "[collect.inner]\nurk = ''", want: "c.toml:2: collect.inner.urk: unknown key, did you mean collect.inner.url?"},
		"same name, our table":  {document: "[event_bus.nats]\nurk = ''", want: "c.toml:2: event_bus.nats.urk: unknown key, did you mean event_bus.nats.url?"},
		"nothing close":         {document: "[event_bus]\ntls = true", want: "c.toml:2: event_bus.tls: unknown key"},
		"short and not close":   {document: "[event_bus.nats]\nuxy = ''", want: "c.toml:2: event_bus.nats.uxy: unknown key"},
		"short and close":       {document: "[event_bus]\nul = ''", want: "c.toml:2: event_bus.ul: unknown key, did you mean event_bus.nats.url?"},
		"a secret":              {document: "[event_bus.nats]\nurll = 'nats://u:secret@h'", want: "c.toml:2: event_bus.nats.urll: unknown key, did you mean event_bus.nats.url?"},
		"unknown table, once":   {document: "[broker]\n\na = 1\nb = 2", want: "c.toml:1: broker: unknown key"},
		"empty unknown table":   {document: "\n[broker.x]", want: "c.toml:2: broker: unknown key"},
		"array of tables":       {document: "\n[[event_bus]]\nx = 1", want: "c.toml:2: event_bus = […]: must be a table"},
		"inline table":          {document: "\nevent_bus = { nats = {\n 'odd.key' = 1 } }", want: `c.toml:2: event_bus.nats."odd.key": unknown key`},
		"long name":             {document: long + " = 1", want: "c.toml:1: " + long[:100] + "…: unknown key"},
		"long value":            {document: "[event_bus]\nbus_type = '" + long + "'", want: `c.toml:2: event_bus.bus_type = "` + long[:100] + `…": must be "nats" or "local"`},
		"value for a table":     {document: "event_bus = 5", want: "c.toml:1: event_bus = 5: must be a table"},
		"table for a value":     {document: "[event_bus.bus_type]\nx = 1", want: "c.toml:1: event_bus.bus_type: is a value, not a table"},
		"empty table for value": {document: "[event_bus.bus_type]", want: "c.toml:1: event_bus.bus_type = {…}: must be a string"},
		"number for string":     {document: "[event_bus]\nbus_type = 5", want: "c.toml:2: event_bus.bus_type = 5: must be a string"},
		"string for number":     {document: "[event_bus]\nqueue_capacity = '5'", want: `c.toml:2: event_bus.queue_capacity = "5": must be a whole number`},
		"fraction":              {document: "[event_bus]\nqueue_capacity = 1.5", want: "c.toml:2: event_bus.queue_capacity = 1.5: must be a whole number"},
		"out of range":          {document: "[event_bus]\nqueue_capacity = -1", want: "c.toml:2: event_bus.queue_capacity = -1: must be 1 to 1048576"},
		"number for duration":   {document: "[event_bus]\npublish_timeout = 5", want: `c.toml:2: event_bus.publish_timeout = 5: must be a duration such as "5s" or "1m30s", not negative`},
		"negative duration":     {document: "[event_bus]\npublish_timeout = '-5s'", want: `c.toml:2: event_bus.publish_timeout = "-5s": must be a duration such as "5s" or "1m30s", not negative`},
		"long duration":         {document: "[event_bus]\npublish_timeout = '9999999h'", want: `c.toml:2: event_bus.publish_timeout = "9999999h": must be a duration such as "5s" or "1m30s", not negative`},
		"negative size":         {document: "[event_bus]\nnats.max_payload = -1", want: `c.toml:2: event_bus.nats.max_payload = -1: must be a size such as "256KiB", "1MB" or a whole number of bytes`},
		"size of another type":  {document: "[event_bus]\nnats.max_payload = 1.5", want: `c.toml:2: event_bus.nats.max_payload = 1.5: must be a string`},
		"large size":            {document: "[event_bus]\nnats.max_payload = '1GiB'", want: "c.toml:2: event_bus.nats.max_payload = 1GiB: must be 1 to 64MiB"},
		"no such policy":        {document: "[event_bus]\noverflow = 'drop'", want: `c.toml:2: event_bus.overflow = "drop": must be block, drop-newest, drop-oldest or circuit-break`},
		"too many overflows":    {document: "[event_bus.circuit_break]\noverflows = 10001", want: "c.toml:2: event_bus.circuit_break.overflows = 10001: must be 1 to 10000"},
		"negative overflows":    {document: "[event_bus]\n\ncircuit_break = { overflows = -1 }", want: "c.toml:3: event_bus.circuit_break.overflows = -1: must be 1 to 10000"},
		"negative cool-down":    {document: "[event_bus.circuit_break]\ncool_down = '-1s'", want: `c.toml:2: event_bus.circuit_break.cool_down = "-1s": must be a duration such as "5s" or "1m30s", not negative`},
		"circuit, not a table":  {document: "[event_bus]\ncircuit_break = true", want: "c.toml:2: event_bus.circuit_break = true: must be a table"},
		"circuit, its table":    {document: "[event_bus.circuit_brake]\noverflows = 1", want: "c.toml:1: event_bus.circuit_brake: unknown key, did you mean event_bus.circuit_break?"},
		"circuit, its variable": {variable: "EVENTBUS_CIRCUIT_BREAK__COOLDOWN=1s", want: "EVENTBUS_CIRCUIT_BREAK__COOLDOWN: event_bus.circuit_break.cooldown: unknown key, did you mean EVENTBUS_CIRCUIT_BREAK__COOL_DOWN?"},
		"list for string":       {document: "[event_bus]\nnats.url = ['nats://u:secret@h']", want: "c.toml:2: event_bus.nats.url = […]: must be a string"},
		"string for list":       {document: "[collect]\npaths = '/a,/b'", want: `c.toml:2: collect.paths = "/a,/b": must be a list`},
		"element":               {document: "[collect]\nsizes = [1, 'x']", want: `c.toml:2: collect.sizes = […]: element 2 must be a size such as "256KiB", "1MB" or a whole number of bytes`},
		"bool":                  {document: "[collect]\nhash = 'yes'", want: `c.toml:2: collect.hash = "yes": must be true or false`},
		"no number":             {document: "[collect]\nshare = nan", want: "c.toml:2: collect.share = NaN: must be a number"},
		"unsigned":              {document: "[collect]\nworkers = -1", want: "c.toml:2: collect.workers = -1: must be 0 to 255"},
		"large unsigned":        {document: "[collect]\nlimit = -1", want: "c.toml:2: collect.limit = -1: must be 0 to 9223372036854775807"},
		"small unsigned":        {document: "[collect]\nworkers = 256", want: "c.toml:2: collect.workers = 256: must be 0 to 255"},
		"small number":          {document: "[collect]\nnice = -129", want: "c.toml:2: collect.nice = -129: must be -128 to 127"},
		"text":                  {document: "[collect]\nlevel = true", want: "c.toml:2: collect.level = true: must be a string"},
		"date":                  {document: "[event_bus]\npublish_timeout = 2026-01-01", want: `c.toml:2: event_bus.publish_timeout = 2026-01-01: must be a duration such as "5s" or "1m30s", not negative`},
		"unknown variable":      {variable: "EVENTBUS_NATS__LISTN=x", want: "EVENTBUS_NATS__LISTN: event_bus.nats.listn: unknown key, did you mean EVENTBUS_NATS__LISTEN?"},
		"variable of a section": {variable: "EVENTBUS_COLLECT__HSH=x", want: "EVENTBUS_COLLECT__HSH: collect.hsh: unknown key, did you mean EVENTBUS_COLLECT__HASH?"},
		"single underscore":     {variable: "EVENTBUS_NATS_LISTEN=x", want: "EVENTBUS_NATS_LISTEN: event_bus.nats_listen: unknown key"},
		"no name":               {variable: "EVENTBUS_=x", want: `EVENTBUS_: event_bus."": unknown key`},
		"variable for a table":  {variable: "EVENTBUS_NATS=x", want: "EVENTBUS_NATS: event_bus.nats: must be a table"},
		"empty number":          {variable: "EVENTBUS_QUEUE_CAPACITY=", want: `EVENTBUS_QUEUE_CAPACITY: event_bus.queue_capacity = "": must be a whole number`},
		"out of range variable": {variable: "EVENTBUS_QUEUE_CAPACITY=0x10", want: `EVENTBUS_QUEUE_CAPACITY: event_bus.queue_capacity = "0x10": must be a whole number`},
		"variable beats file":   {document: "[event_bus]\nqueue_capacity = -1", variable: "EVENTBUS_QUEUE_CAPACITY=-2", want: "EVENTBUS_QUEUE_CAPACITY: event_bus.queue_capacity = -2: must be 1 to 1048576"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sections := []eventbus.Section{{Name: "collect", Into: new(collectTable)}}
			_, _, err := eventbus.Parse("c.toml", []byte(c.document), []string{c.variable}, sections)
			require.NotContains(t, only(t, err).Error(), "secret")
			require.EqualError(t, err, "eventbus: "+c.want)
		})
	}
}

// The words are the parser's, the place is ours.
func TestSyntaxErrors(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]string{
		"[event_bus]\nbus_type = nats":                       "c.toml:2:12",
		"[event_bus]\nbus_type = 'nats'\nbus_type = 'local'": "c.toml:3:1",
		"\xef\xbb\xbf[event_bus]\nx = '":                     "c.toml:2:5",
	} {
		_, _, err := eventbus.Parse("c.toml", []byte(document), nil, nil)
		problem := only(t, err)
		require.Equal(t, want, problem.Origin)
		require.NotEmpty(t, problem.Reason)
		require.Error(t, problem.Err)
	}
}

func TestEveryProblemIsReported(t *testing.T) {
	t.Parallel()
	_, _, err := eventbus.Parse("c.toml", []byte("[event_bus]\nmax_subscribers = 'x'\nbus_typ = 'nats'\n[other]"),
		[]string{"EVENTBUS_OVERFLOV=block"}, nil)
	require.EqualError(t, err, strings.Join([]string{
		`eventbus: c.toml:2: event_bus.max_subscribers = "x": must be a whole number`,
		"eventbus: c.toml:3: event_bus.bus_typ: unknown key, did you mean event_bus.bus_type?",
		"eventbus: c.toml:4: other: unknown key",
		"eventbus: EVENTBUS_OVERFLOV: event_bus.overflov: unknown key, did you mean EVENTBUS_OVERFLOW?",
	}, "\n"))
}

func TestProblemsAreBounded(t *testing.T) {
	t.Parallel()
	var document strings.Builder
	for i := range 20_000 {
		document.WriteString(strings.Repeat("x", 1+i%40) + strings.Repeat("y", 1+i/40) + " = 1\n")
		if document.Len() > eventbus.MaxFileSize {
			break
		}
	}
	_, _, err := eventbus.Parse("c.toml", []byte(document.String()), nil, nil)
	problems := all(t, err)
	require.Len(t, problems, 21)
	require.Equal(t, "eventbus: there are more problems than these", problems[20].Error())
}

func TestTwoVariablesForOneKey(t *testing.T) {
	t.Parallel()
	_, _, err := eventbus.Parse("", nil, []string{"EVENTBUS_BUS_TYPE=nats", "EVENTBUS_EVENT_BUS__BUS_TYPE=nats"}, nil)
	require.EqualError(t, err, "eventbus: EVENTBUS_EVENT_BUS__BUS_TYPE: event_bus.bus_type: is also set by EVENTBUS_BUS_TYPE")
}

func TestUnreadableFiles(t *testing.T) {
	t.Parallel()
	_, _, err := eventbus.LoadFrom(filepath.Join(t.TempDir(), "none.toml"), nil, nil)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.Contains(t, only(t, err).Error(), "none.toml")
	_, _, err = eventbus.LoadFrom(t.TempDir(), nil, nil)
	require.Error(t, only(t, err).Err, "a directory")

	full := "#" + strings.Repeat("x", eventbus.MaxFileSize-1)
	_, _, err = eventbus.LoadFrom(write(t, full), nil, nil)
	require.NoError(t, err)
	_, _, err = eventbus.LoadFrom(write(t, full+"x"), nil, nil)
	require.ErrorContains(t, err, "is larger than 128KiB")
	only(t, err)
}

// Tables can nest as deep as a file is long; that must not take time that grows with the square.
func TestDeepTables(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("a.", eventbus.MaxFileSize/2-4)
	for _, document := range []string{deep + "a=1", "[" + deep + "a]", "crossbeam." + deep[:len(deep)-10] + "a=1"} {
		_, _, err := eventbus.Parse("c.toml", []byte(document), []string{"EVENTBUS_" + strings.Repeat("A__", 30_000) + "A=1"}, nil)
		require.NotEmpty(t, all(t, err))
	}
}

func write(t *testing.T, document string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.toml")
	require.NoError(t, os.WriteFile(path, []byte(document), 0o600))
	return path
}

func FuzzLoad(f *testing.F) {
	for _, name := range []string{"example", "legacy"} {
		document, err := os.ReadFile("testdata/config/" + name + ".toml")
		require.NoError(f, err)
		f.Add(document, "EVENTBUS_BUS_TYPE=local")
	}
	f.Add([]byte("[collect]\npaths = ['a']\n[[x.y]]\n'z\".'.b = {}\n"), "EVENTBUS_COLLECT__SIZES=1KiB,2")
	f.Add([]byte("crossbeam = 1\n[event_bus.daemoneye]\npublish_timeout={secs=1}"), "EVENTBUS_CROSSBEAM__PUBLISH_TIMEOUT__SECS=1")
	f.Fuzz(func(t *testing.T, document []byte, variable string) {
		section := collectTable{Interval: time.Hour}
		config, _, err := eventbus.Parse("c.toml", document, []string{variable}, []eventbus.Section{{Name: "collect", Into: &section}})
		if err != nil {
			all(t, err)
			require.Zero(t, config)
			require.Equal(t, collectTable{Interval: time.Hour}, section)
			return
		}
		require.NoError(t, config.Validate())
		require.Equal(t, config.WithDefaults(), config)
	})
}
