package engine_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

// filterSeed is a subscription and an event in what a fuzzer can change. Lists are separated by commas, entries of metadata
// are key=value, and times are in seconds, of which 0 is none.
type filterSeed struct {
	patterns, capabilities, include, exclude string
	types, sources, minPriority, metadata    string
	pids                                     []byte
	since, until                             int64
	ids, parents, roots, stages              string
	requiredTags, anyTags                    string
	minSequence, maxSequence                 uint64
	topic, kind, source, priority            string
	pid                                      uint32
	at                                       int64
	eventMetadata, payloadMetadata           string
	id, parent, root, stage, tags            string
	sequence                                 uint64
}

func (s filterSeed) subscription() bus.Subscription {
	return bus.Subscription{
		ID: "filtered", Patterns: listOf[string](s.patterns), Capabilities: listOf[bus.Capability](s.capabilities),
		Topics: bus.TopicFilter{Include: listOf[string](s.include), Exclude: listOf[string](s.exclude)},
		Events: bus.EventFilter{
			Types: listOf[bus.EventType](s.types), PIDs: pidsOf(s.pids), MinPriority: bus.Priority(s.minPriority),
			Metadata: entriesOf(s.metadata), Sources: listOf[string](s.sources), Since: timeOf(s.since), Until: timeOf(s.until),
		},
		Correlations: bus.CorrelationFilter{
			IDs: listOf[string](s.ids), ParentIDs: listOf[string](s.parents), RootIDs: listOf[string](s.roots),
			Stages: listOf[string](s.stages), RequiredTags: entriesOf(s.requiredTags), AnyTags: entriesOf(s.anyTags),
			MinSequence: s.minSequence, MaxSequence: s.maxSequence,
		},
	}
}

func (s filterSeed) event() bus.Event {
	return bus.Event{
		ID: uuid.UUID{15: 1}, Time: timeOf(s.at), Topic: s.topic, Source: s.source, Payload: s.payload(), Metadata: entriesOf(s.eventMetadata),
		Correlation: bus.Correlation{
			ID: s.id, ParentID: s.parent, RootID: s.root, Sequence: s.sequence, Stage: s.stage, Tags: entriesOf(s.tags),
		},
	}
}

// payload has the type that kind names, and is a Raw of it where there is none. PID 0 is none where none is possible.
func (s filterSeed) payload() bus.Payload {
	var pid *uint32
	if s.pid != 0 {
		pid = &s.pid
	}
	metadata := entriesOf(s.payloadMetadata)
	switch bus.EventType(s.kind) {
	case bus.TypeProcess:
		return &bus.ProcessEvent{PID: s.pid, Metadata: metadata}
	case bus.TypeNetwork:
		return &bus.NetworkEvent{PID: pid, Metadata: metadata}
	case bus.TypeFilesystem:
		return &bus.FilesystemEvent{PID: pid, Metadata: metadata}
	case bus.TypePerformance:
		return &bus.PerformanceEvent{PID: pid, Metadata: metadata}
	case bus.TypeTrigger:
		return &bus.TriggerRequest{
			TriggerID: "t", TargetCollector: "c", AnalysisType: bus.AnalysisYARA, CorrelationID: "c", TargetPath: "/x",
			TargetPID: pid, Priority: bus.Priority(s.priority), Metadata: metadata,
		}
	case bus.TypeHealth:
		return &bus.HealthEvent{ID: "c", Status: bus.HealthHealthy, Metadata: metadata}
	}
	return &bus.Raw{Name: bus.EventType(s.kind), Data: []byte{0xc0}}
}

func listOf[S ~string](text string) []S {
	var list []S
	if text != "" {
		for one := range strings.SplitSeq(text, ",") {
			list = append(list, S(one))
		}
	}
	return list
}

func entriesOf(text string) bus.Metadata {
	entries := make(bus.Metadata)
	for _, entry := range listOf[string](text) {
		key, value, _ := strings.Cut(entry, "=")
		entries[key] = value
	}
	return entries
}

func pidsOf(bytes []byte) []uint32 {
	var pids []uint32
	for _, b := range bytes {
		pids = append(pids, uint32(b))
	}
	return pids
}

func timeOf(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}

// filterSeeds has an event that passes every filter there is, and what is changed by each of the others decides.
func filterSeeds() []filterSeed {
	const noon = 1_767_268_800
	full := filterSeed{
		patterns: "control.#,events.process.+", include: "events.#,events.x", exclude: "events.network.#",
		types: "network,process", sources: "a,b", minPriority: "normal", metadata: "k=v,l=w", pids: []byte{9, 1},
		since: noon, until: noon, ids: "x,id-*", parents: "*ent-1", roots: "r**t", stages: "detect,collect",
		requiredTags: "a=1,b=2", anyTags: "a=1,z=2", minSequence: 5, maxSequence: 5,
		topic: "events.process.tree", kind: "process", source: "b", pid: 1, at: noon, eventMetadata: "k=v", payloadMetadata: "l=w",
		id: "id-1", parent: "parent-1", root: "root", stage: "collect", tags: "a=1,b=2,c=3", sequence: 5,
	}
	seeds := []filterSeed{
		full,
		{kind: "process"},
		{kind: "network", capabilities: "process,realtime"},
		{kind: "performance", capabilities: "realtime"},
		{kind: "filesystem", capabilities: "psychic"},
		{kind: "usb.plug", topic: "events.usb.plug", types: "usb.plug", pids: []byte{0}},
		{kind: "usb.plug"}, // has no default topic
		{kind: "trigger", patterns: "control.>", minPriority: "high", priority: "critical"},
		{kind: "trigger", patterns: "control.>", minPriority: "high"},
		{kind: "trigger", patterns: "#", minPriority: "low", priority: "urgent"},
		{kind: "process", patterns: "#,process,events.process.lifecycle"}, // matches three times, arrives once
		{kind: "process", patterns: "events.#.x"},
		{kind: "process", include: "system.x"},
		{kind: "process", exclude: "process.lifecycle,#"},
		{kind: "process", minPriority: "urgent"},
		{kind: "process", since: 2, until: 1},
		{kind: "process", minSequence: 2, maxSequence: 1},
		{kind: "process", minSequence: math.MaxUint64, sequence: math.MaxUint64},
		{kind: "process", at: math.MaxInt64, until: math.MaxInt64},
		{kind: "process", topic: "Events.x"},
		{kind: "process", stages: ",", sources: ",", roots: "*", ids: "*-*-*-*-*"},
		{kind: "process", parents: "a*a", parent: "a"},
		{kind: "process", source: strings.Repeat("x", bus.MaxSourceLength+1)},
	}
	for _, change := range []func(*filterSeed){
		func(s *filterSeed) { s.topic = "events.network.tree" },
		func(s *filterSeed) { s.topic = "control.x" },
		func(s *filterSeed) { s.exclude = "events.+.tree" },
		func(s *filterSeed) { s.kind = "filesystem" },
		func(s *filterSeed) { s.pid = 2 },
		func(s *filterSeed) { s.source = "" },
		func(s *filterSeed) { s.at++ },
		func(s *filterSeed) { s.at-- },
		func(s *filterSeed) { s.payloadMetadata = "l=v" },
		func(s *filterSeed) { s.id = "jd-1" },
		func(s *filterSeed) { s.parent = "parent-12" },
		func(s *filterSeed) { s.root = "roo" },
		func(s *filterSeed) { s.stage = "" },
		func(s *filterSeed) { s.tags = "a=1,b=3" },
		func(s *filterSeed) { s.requiredTags = "d=" }, // not even empty
		func(s *filterSeed) { s.anyTags = "z=2,a=,d=" },
		func(s *filterSeed) { s.sequence-- },
		func(s *filterSeed) { s.sequence++ },
	} {
		changed := full
		change(&changed)
		seeds = append(seeds, changed)
	}
	// One filter alone, which the event does not pass.
	for _, add := range []func(*filterSeed){
		func(s *filterSeed) { s.include = full.exclude },
		func(s *filterSeed) { s.types = "network" },
		func(s *filterSeed) { s.pids = full.pids },
		func(s *filterSeed) { s.sources = full.sources },
		func(s *filterSeed) { s.metadata = full.metadata },
		func(s *filterSeed) { s.minPriority = "critical" },
		func(s *filterSeed) { s.since = math.MaxInt32 << 3 },
		func(s *filterSeed) { s.until = full.until },
		func(s *filterSeed) { s.ids = full.ids },
		func(s *filterSeed) { s.parents = full.parents },
		func(s *filterSeed) { s.roots = full.roots },
		func(s *filterSeed) { s.stages = full.stages },
		func(s *filterSeed) { s.requiredTags = full.requiredTags },
		func(s *filterSeed) { s.anyTags = full.anyTags },
		func(s *filterSeed) { s.minSequence = full.minSequence },
		func(s *filterSeed) { s.maxSequence, s.sequence = full.maxSequence, full.maxSequence+1 },
	} {
		bare := filterSeed{kind: "process", at: full.at + 1}
		add(&bare)
		seeds = append(seeds, bare)
	}
	return seeds
}

// FuzzFilter compares what arrives with what the comments of package bus promise. A second subscription sees every event, and
// so what Publish has filled in.
func FuzzFilter(f *testing.F) {
	for _, s := range filterSeeds() {
		f.Add(s.patterns, s.capabilities, s.include, s.exclude, s.types, s.sources, s.minPriority, s.metadata, s.pids, s.since, s.until,
			s.ids, s.parents, s.roots, s.stages, s.requiredTags, s.anyTags, s.minSequence, s.maxSequence,
			s.topic, s.kind, s.source, s.priority, s.pid, s.at, s.eventMetadata, s.payloadMetadata,
			s.id, s.parent, s.root, s.stage, s.tags, s.sequence)
	}
	f.Fuzz(func(t *testing.T, patterns, capabilities, include, exclude, types, sources, minPriority, metadata string, pids []byte,
		since, until int64, ids, parents, roots, stages, requiredTags, anyTags string, minSequence, maxSequence uint64,
		topic, kind, source, priority string, pid uint32, at int64, eventMetadata, payloadMetadata,
		id, parent, root, stage, tags string, sequence uint64) {
		requireFiltered(t, filterSeed{
			patterns, capabilities, include, exclude, types, sources, minPriority, metadata, pids, since, until,
			ids, parents, roots, stages, requiredTags, anyTags, minSequence, maxSequence,
			topic, kind, source, priority, pid, at, eventMetadata, payloadMetadata, id, parent, root, stage, tags, sequence,
		})
	})
}

func requireFiltered(t *testing.T, seed filterSeed) {
	e := newEngine(t, nil, nil)
	witness, err := e.Subscribe(t.Context(), bus.Subscription{ID: "witness", Patterns: []string{"#"}})
	require.NoError(t, err)
	in := seed.subscription()
	filtered, err := e.Subscribe(t.Context(), in)
	require.Equal(t, isMistake(in), err != nil, "%+v: %v", in, err)
	if err != nil {
		require.ErrorIs(t, err, bus.ErrInvalid)
		require.Equal(t, 1, e.Statistics().ActiveSubscribers, "nothing is left behind")
		return
	}

	event := seed.event()
	invalid := event.Validate()
	err = e.Publish(t.Context(), &event)
	seen := tryNext(t, witness)
	require.Equal(t, err == nil, seen != nil, "%v", err)
	if err != nil {
		require.ErrorIs(t, err, bus.ErrInvalid)
		noTopic := event.Topic == "" && event.Type().DefaultTopic() == ""
		require.True(t, invalid != nil || noTopic || errors.Is(err, bus.ErrTooLarge), "%v", err)
		require.Nil(t, tryNext(t, filtered))
		return
	}
	require.NoError(t, invalid)
	want := wants(in, seen)
	require.Equal(t, want, tryNext(t, filtered) != nil, "%+v\n%+v", in, seen)
	require.Nil(t, tryNext(t, filtered), "however many patterns match, it arrives once")
}

func tryNext(t *testing.T, from bus.Receiver) *bus.Event {
	event, err := from.TryNext()
	require.NoError(t, err)
	return event
}

// isMistake says whether a subscription breaks a rule. Which patterns do is for the fuzz targets of package subjects.
func isMistake(s bus.Subscription) bool {
	for _, patterns := range [][]string{s.Patterns, s.Topics.Include, s.Topics.Exclude} {
		const limit = 1024
		if len(patterns) > limit || slices.ContainsFunc(patterns, func(p string) bool { _, err := subjects.ParsePattern(p); return err != nil }) {
			return true
		}
	}
	capabilities := listOf[bus.Capability]("process,network,filesystem,performance,realtime,kernel_level,system_wide")
	for _, c := range s.Capabilities {
		if !slices.Contains(capabilities, c) {
			return true
		}
	}
	return rankOf(s.Events.MinPriority) < 0 ||
		!s.Events.Since.IsZero() && !s.Events.Until.IsZero() && s.Events.Until.Before(s.Events.Since) ||
		s.Correlations.MaxSequence != 0 && s.Correlations.MaxSequence < s.Correlations.MinSequence
}

// wants says the same as the comments of [bus.Subscription], one line for each sentence.
func wants(s bus.Subscription, e *bus.Event) bool {
	patterns := slices.Clone(s.Patterns)
	if len(patterns) == 0 {
		for _, c := range s.Capabilities {
			if slices.Contains([]bus.Capability{"process", "network", "filesystem", "performance"}, c) {
				patterns = append(patterns, "events."+string(c)+".+")
			}
		}
	}
	if len(patterns) == 0 {
		patterns = []string{"events.#"}
	}
	selects := func(pattern string) bool { return selectsTopic(pattern, e.Topic) }
	pid, priority, metadata := payloadFacts(e.Payload)
	c, filter := e.Correlation, s.Correlations
	matches := func(value string) func(string) bool {
		return func(glob string) bool { return globMatches(glob, value) }
	}
	for _, ok := range []bool{
		slices.ContainsFunc(patterns, selects),
		len(s.Topics.Include) == 0 || slices.ContainsFunc(s.Topics.Include, selects),
		!slices.ContainsFunc(s.Topics.Exclude, selects),

		len(s.Events.Types) == 0 || slices.Contains(s.Events.Types, e.Payload.Type()),
		len(s.Events.PIDs) == 0 || pid != nil && slices.Contains(s.Events.PIDs, *pid),
		s.Events.MinPriority == "" || rankOf(priority) >= rankOf(s.Events.MinPriority),
		entriesIn(s.Events.Metadata, e.Metadata, metadata) == len(s.Events.Metadata),
		len(s.Events.Sources) == 0 || slices.Contains(s.Events.Sources, e.Source),
		s.Events.Since.IsZero() || e.Time.Compare(s.Events.Since) >= 0,
		s.Events.Until.IsZero() || e.Time.Compare(s.Events.Until) <= 0,

		len(filter.IDs) == 0 || slices.ContainsFunc(filter.IDs, matches(c.ID)),
		len(filter.ParentIDs) == 0 || slices.ContainsFunc(filter.ParentIDs, matches(c.ParentID)),
		len(filter.RootIDs) == 0 || slices.ContainsFunc(filter.RootIDs, matches(c.RootID)),
		len(filter.Stages) == 0 || slices.Contains(filter.Stages, c.Stage),
		entriesIn(filter.RequiredTags, c.Tags) == len(filter.RequiredTags),
		len(filter.AnyTags) == 0 || entriesIn(filter.AnyTags, c.Tags) > 0,
		filter.MinSequence <= c.Sequence,
		filter.MaxSequence == 0 || c.Sequence <= filter.MaxSequence,
	} {
		if !ok {
			return false
		}
	}
	return true
}

// payloadFacts reads the fields themselves, since the methods of an event are what the filter asks.
func payloadFacts(payload bus.Payload) (pid *uint32, priority bus.Priority, metadata bus.Metadata) {
	switch p := payload.(type) {
	case *bus.ProcessEvent:
		return &p.PID, "", p.Metadata
	case *bus.NetworkEvent:
		return p.PID, "", p.Metadata
	case *bus.FilesystemEvent:
		return p.PID, "", p.Metadata
	case *bus.PerformanceEvent:
		return p.PID, "", p.Metadata
	case *bus.TriggerRequest:
		return p.TargetPID, p.Priority, p.Metadata
	case *bus.HealthEvent:
		return nil, "", p.Metadata
	}
	return nil, "", nil
}

func rankOf(p bus.Priority) int {
	if p == "" {
		p = bus.PriorityNormal
	}
	return slices.Index([]bus.Priority{bus.PriorityLow, bus.PriorityNormal, bus.PriorityHigh, bus.PriorityCritical}, p)
}

// entriesIn returns how many of the wanted entries are in one of the maps.
func entriesIn(wanted bus.Metadata, in ...bus.Metadata) int {
	n := 0
	for key, value := range wanted {
		if slices.ContainsFunc(in, func(m bus.Metadata) bool { got, ok := m[key]; return ok && got == value }) {
			n++
		}
	}
	return n
}

// selectsTopic compares segment by segment. The canonical text spares it the old names.
func selectsTopic(pattern, topic string) bool {
	canonical, err := subjects.ParsePattern(pattern)
	if err != nil {
		return false
	}
	have := strings.Split(topic, ".")
	for i, segment := range strings.Split(canonical.String(), ".") {
		switch {
		case segment == "#":
			return i <= len(have)
		case i >= len(have):
			return false
		case segment == ">":
			return true
		case segment == "+":
		case segment != have[i]:
			return false
		}
	}
	return len(have) == strings.Count(canonical.String(), ".")+1
}

// globMatches keeps every place of the value that the glob so far can end at, where the engine takes the first.
func globMatches(glob, value string) bool {
	reached := make([]bool, len(value)+1)
	reached[0] = true
	for i := range len(glob) {
		next := make([]bool, len(value)+1)
		for at := range reached {
			if glob[i] == '*' {
				next[at] = reached[at] || at > 0 && next[at-1]
			} else {
				next[at] = at > 0 && reached[at-1] && value[at-1] == glob[i]
			}
		}
		reached = next
	}
	return reached[len(value)]
}

// FuzzFilterGlob is for globs alone, which a fuzzer does not come to in the breadth of FuzzFilter.
func FuzzFilterGlob(f *testing.F) {
	for _, glob := range []string{"", "*", "**", "a", "a*", "*a", "*a*", "a*a", "ab*ba", "a*b*c", "*ab*ab", "*\x00*é", "a**\xff"} {
		for _, value := range []string{"", "a", "ab", "aa", "aba", "abba", "ababa", "aXbXc", "\x00é", "*", "a*\xff", strings.Repeat("ab", 128)} {
			f.Add(glob, value)
		}
	}
	f.Fuzz(func(t *testing.T, glob, value string) {
		e := newEngine(t, nil, nil)
		stars := strings.Count(glob, "*")
		filled := strings.ReplaceAll(glob, "*", value)
		for _, text := range []string{value, filled, filled + "x", "x" + filled, strings.Replace(glob, "*", value, stars-1)} {
			if len(text) > bus.MaxCorrelationID {
				continue
			}
			s, err := e.Subscribe(t.Context(), bus.Subscription{ID: "s", Correlations: bus.CorrelationFilter{ParentIDs: []string{glob}}})
			require.NoError(t, err)
			in := event("events.a.b")
			in.Correlation.ParentID = text
			require.NoError(t, e.Publish(t.Context(), in))
			require.Equal(t, globMatches(glob, text), tryNext(t, s) != nil, "%q on %q", glob, text)
			e.Unsubscribe("s")
		}
		require.True(t, globMatches(glob, filled), "a '*' stands for any text: %q, %q", glob, filled)
	})
}
