package subjects_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server/gsl"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/daemoneye/eventbus/subjects"
)

func parse(t testing.TB, s string) subjects.Pattern {
	t.Helper()
	p, err := subjects.ParsePattern(s)
	require.NoError(t, err)
	return p
}

func TestParsePattern(t *testing.T) {
	for _, tt := range []struct {
		name, pattern, canonical string
		subjects                 []string
	}{
		{"a topic", "events.process.lifecycle", "events.process.lifecycle", []string{"events.process.lifecycle"}},
		{"one segment", "events.+.lifecycle", "events.+.lifecycle", []string{"events.*.lifecycle"}},
		{"star is plus", "events.*.lifecycle", "events.+.lifecycle", []string{"events.*.lifecycle"}},
		{"one or more", "events.process.>", "events.process.>", []string{"events.process.>"}},
		{"zero or more", "events.process.#", "events.process.#", []string{"events.process", "events.process.>"}},
		{"zero or more after a wildcard", "events.+.#", "events.+.#", []string{"events.*", "events.*.>"}},

		{"all of a domain", "events.#", "events.#", []string{"events.>"}},
		{"all of a domain, as NATS has it", "control.>", "control.>", []string{"control.>"}},
		{"everything", "#", "#", []string{"events.>", "control.>"}},
		{"everything, as NATS has it", ">", ">", []string{"events.>", "control.>"}},
		{"everything, the long way", "+.#", "+.#", []string{"events.>", "control.>"}},
		{"both domains, one or more", "*.>", "+.>", []string{"events.>", "control.>"}},
		{"both domains", "+.process.*", "+.process.+", []string{"events.process.*", "control.process.*"}},
		{"both domains, zero or more", "+.a.#", "+.a.#", []string{"events.a", "events.a.>", "control.a", "control.a.>"}},

		{"deepest", "events.+.+.+.+", "events.+.+.+.+", []string{"events.*.*.*.*"}},
		{"deepest with >", "events.a.b.c.>", "events.a.b.c.>", []string{"events.a.b.c.>"}},
		{"deepest with #", "events.a.b.c.d.#", "events.a.b.c.d.#", []string{"events.a.b.c.d"}},

		{"old name", "process", "events.process.+", []string{"events.process.*"}},
		{"old name, star", "network.*", "events.network.+", []string{"events.network.*"}},
		{"old name, plus", "filesystem.+", "events.filesystem.+", []string{"events.filesystem.*"}},
		{"old name, any depth", "performance.#", "events.performance.#", []string{"events.performance", "events.performance.>"}},
		{"old name, topic", "process.lifecycle", "events.process.lifecycle", []string{"events.process.lifecycle"}},
		{"old name, control", "control", "control.+", []string{"control.*"}},
		{"control, star", "control.*", "control.+", []string{"control.*"}},
		{"prefix is supplied", "custom.a.*", "events.custom.a.+", []string{"events.custom.a.*"}},
		{"prefix is supplied to one segment", "custom", "events.custom", []string{"events.custom"}},
		{"prefix is supplied to a domain's lookalike", "eventsx.a", "events.eventsx.a", []string{"events.eventsx.a"}},
		{"reserved names elsewhere", "performance.system", "events.performance.system", []string{"events.performance.system"}},

		{"longest", longest, longest, []string{longest}},
		{"longest with #", longest + ".#", longest + ".#", []string{longest, longest + ".>"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := parse(t, tt.pattern)
			require.Equal(t, tt.canonical, p.String())
			require.Equal(t, tt.subjects, p.Subjects())
			require.Equal(t, !strings.ContainsAny(tt.canonical, "+#>"), p.IsLiteral())
			require.True(t, p == parse(t, p.String()), "the canonical text must give an equal pattern")
		})
	}
}

func TestInvalidPatterns(t *testing.T) {
	for _, tt := range []struct {
		name, pattern     string
		position, segment int
		reason            string
	}{
		{"empty", "", 0, 0, "is empty"},
		{"a domain that is no old name", "events", 6, 0, "matches nothing: a topic has at least 2 segments"},
		{"one segment of anything", "+", 1, 0, "matches nothing: a topic has at least 2 segments"},
		{"star alone", "*", 1, 0, "matches nothing: a topic has at least 2 segments"},
		{"too deep", "events.a.b.c.d.e", 15, 6, "matches nothing: a topic has at most 5 segments"},
		{"too deep with +", "+.+.+.+.+.+", 10, 6, "matches nothing: a topic has at most 5 segments"},
		{"too deep with >", "events.a.b.c.d.>", 15, 6, "matches nothing: a topic has at most 5 segments"},
		{"too deep with #", "events.a.b.c.d.e.#", 15, 6, "matches nothing: a topic has at most 5 segments"},
		{"too deep by the supplied prefix", "process.a.b.c.d", 14, 5, "matches nothing: a topic has at most 5 segments"},
		{"too long", longest + "x", 255, 0, "matches nothing: a topic has at most 255 bytes, and this needs 256"},
		{"too long by the supplied prefix", "x" + longest[7:], 249, 0, "matches nothing: a topic has at most 255 bytes, and this needs 256"},
		{"too long with the shorter domain", "+" + longest[6:] + "x", 251, 0, "matches nothing: a topic has at most 255 bytes, and this needs 256"},
		{"reserved system", "system.*", 0, 1, "first segment system is reserved"},
		{"reserved debug", "debug.x", 0, 1, "first segment debug is reserved"},
		{"reserved alone", "system", 0, 1, "first segment system is reserved"},
		{"# not last", "events.#.x", 7, 2, "wildcard '#' must be the last segment"},
		{"# twice", "#.#", 0, 1, "wildcard '#' must be the last segment"},
		{"> not last", "events.>.x", 7, 2, "wildcard '>' must be the last segment"},
		{"> and a dot", "events.>.", 7, 2, "wildcard '>' must be the last segment"},
		{"wildcard in a segment", "events.pro*", 10, 2, "wildcard '*' must be a whole segment"},
		{"wildcard starts a segment", "events.+x", 7, 2, "wildcard '+' must be a whole segment"},
		{"two wildcards in a segment", "events.>>", 7, 2, "wildcard '>' must be a whole segment"},
		{"wildcard in an old name", "process#", 7, 1, "wildcard '#' must be a whole segment"},
		{"empty segment", "events..#", 7, 2, "segment is empty"},
		{"leading dot", ".process", 0, 1, "segment is empty"},
		{"trailing dot", "process.", 8, 2, "segment is empty"},
		{"upper case", "Process.*", 0, 1, "'P' is not one of a-z, 0-9, '_' and '-'"},
		{"space", "process. *", 8, 2, "' ' is not one of a-z, 0-9, '_' and '-'"},
		{"NUL", "events.\x00", 7, 2, `'\x00' is not one of a-z, 0-9, '_' and '-'`},
		{"UTF-8", "events.日本", 7, 2, "'日' is not one of a-z, 0-9, '_' and '-'"},
		{"broken UTF-8", "events.\x80", 7, 2, "byte 0x80 is not one of a-z, 0-9, '_' and '-'"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := subjects.ParsePattern(tt.pattern)
			require.Zero(t, p)
			refusal := refused(t, err, "pattern", tt.pattern)
			require.Equal(t, tt.reason, refusal.Reason)
			require.Equal(t, tt.position, refusal.Position, "position")
			require.Equal(t, tt.segment, refusal.Segment, "segment")
		})
	}
}

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		yes, no []string
	}{
		{"events.a", []string{"events.a"}, []string{"events.b", "control.a", "events.a.b", "events", "events.ab"}},
		{"events.+", []string{"events.a"}, []string{"control.a", "events.a.b", "events", "events."}},
		{"events.+.c", []string{"events.a.c"}, []string{"events.c", "events.a.b.c", "events.a.b"}},
		{"events.a.#", []string{"events.a", "events.a.b", "events.a.b.c.d"}, []string{"events.b", "events.ab", "control.a", "events.a.b.c.d.e"}},
		{"events.a.>", []string{"events.a.b", "events.a.b.c.d"}, []string{"events.a", "events.b.c", "events.a."}},
		{"events.#", []string{"events.a", "events.a.b.c.d"}, []string{"events", "control.a"}},
		{"#", []string{"events.a", "control.a.b.c.d"}, []string{"", "events", "control", "x.y", "_INBOX.x", "$SYS.x", "system.x"}},
		{">", []string{"events.a", "control.a.b.c.d"}, []string{"", "events", "x.y"}},
		{"+.a", []string{"events.a", "control.a"}, []string{"x.a", "events.b", "events.a.b"}},
		{"events.a.b.c.d.#", []string{"events.a.b.c.d"}, []string{"events.a.b.c", "events.a.b.c.d.e"}},
		{"process", []string{"events.process.lifecycle"}, []string{"events.process", "process.lifecycle", "events.process.a.b"}},
		{"events.+.+", nil, []string{"events.A.b", "events.+.+", "events.a.\x00", "events.a.é"}},
	} {
		p := parse(t, tt.pattern)
		for _, topic := range tt.yes {
			require.True(t, p.Match(topic), "%s on %q", p, topic)
		}
		for _, topic := range tt.no {
			require.False(t, p.Match(topic), "%s on %q", p, topic)
		}
	}
}

func TestZeroPattern(t *testing.T) {
	var p subjects.Pattern
	require.Empty(t, p.String())
	require.False(t, p.IsLiteral())
	require.Empty(t, p.Subjects())
	for _, topic := range []string{"", "events", "events.a", "#"} {
		require.False(t, p.Match(topic))
	}
}

// subjectMatches counts the subjects of p that nats-server's own matcher finds
// for topic.
func subjectMatches(t require.TestingT, p subjects.Pattern, topic string) int {
	list := gsl.NewSublist[int]()
	for i, subject := range p.Subjects() {
		require.NoError(t, list.Insert(subject, i))
	}
	count := 0
	list.Match(topic, func(int) { count++ })
	return count
}

// requireAgreement checks p against topic in every way that must give the same
// answer.
func requireAgreement(t require.TestingT, p subjects.Pattern, topic string) {
	if subjects.ValidateTopic(topic) != nil {
		require.False(t, p.Match(topic), "%s matches %q, which is no topic", p, topic)
		return
	}
	count := subjectMatches(t, p, topic)
	require.LessOrEqual(t, count, 1, "%q arrives %d times by %v", topic, count, p.Subjects())
	require.Equal(t, count == 1, p.Match(topic), "%s on %q, as subjects %v", p, topic, p.Subjects())
}

// Few names in short sequences, so that random patterns and topics often meet.
var (
	someDomain  = rapid.SampledFrom([]string{"events", "control"})
	someSegment = rapid.SampledFrom([]string{"a", "b", "process"})
	someTopic   = rapid.Custom(func(t *rapid.T) string {
		rest := rapid.SliceOfN(someSegment, 1, 4).Draw(t, "rest")
		return someDomain.Draw(t, "domain") + "." + strings.Join(rest, ".")
	})
	somePattern = rapid.Custom(func(t *rapid.T) subjects.Pattern {
		segment := rapid.SampledFrom([]string{"a", "b", "process", "+", "*"})
		first := rapid.SampledFrom([]string{"events", "control", "process", "a", "+", "*"}).Draw(t, "first")
		last := rapid.SampledFrom([]string{"a", "+", "#", ">"}).Draw(t, "last")
		between := 3
		if first == "process" || first == "a" {
			between-- // events. is put in front
		}
		if last == "#" {
			between++ // it may stand for nothing
		}
		rest := rapid.SliceOfN(segment, 0, between).Draw(t, "rest")
		p, err := subjects.ParsePattern(strings.Join(slices.Concat([]string{first}, rest, []string{last}), "."))
		require.NoError(t, err)
		return p
	})
)

func TestMatchAgreesWithNATS(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		requireAgreement(t, somePattern.Draw(t, "pattern"), someTopic.Draw(t, "topic"))
	})
}

// shortestTopic makes a topic that p is bound to match.
func shortestTopic(p subjects.Pattern) string {
	switch text := p.String(); text {
	case "#", ">", "events.#", "+.#":
		return "events.x"
	case "control.#":
		return "control.x"
	default:
		text = strings.TrimSuffix(text, ".#")
		if rest, wild := strings.CutPrefix(text, "+"); wild {
			text = "events" + rest
		}
		return strings.NewReplacer("+", "x", ">", "x").Replace(text)
	}
}

func FuzzPattern(f *testing.F) {
	for _, seed := range []string{
		"", ".", "#", ">", "+", "*", "events", "events.#", "events.>", "events.#.x", "+.process.*", "+.+.+.+.+.#",
		"process", "process.*", "control", "control.*", "custom.x", "system.*", "debug.x", "a.b.c.d.e",
		"events.pro*", "events.\x00", "events.é", longest, longest + ".#", "+" + longest[6:], "+" + longest[6:] + "x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := subjects.ParsePattern(s)
		if err != nil {
			require.Zero(t, p)
			require.NotContains(t, refused(t, err, "pattern", s).Error(), "\n")
			require.Error(t, subjects.ValidateTopic(s), "every topic is a pattern")
			return
		}
		require.True(t, p == parse(t, p.String()))
		require.True(t, p.Match(shortestTopic(p)), "%s matches no topic, not even %q", p, shortestTopic(p))
		require.Equal(t, p.IsLiteral(), subjects.ValidateTopic(p.String()) == nil)
		for _, subject := range p.Subjects() {
			domain, _, _ := strings.Cut(subject, ".")
			require.Contains(t, []string{"events", "control"}, domain, "a subject must not reach outside the domains")
		}
	})
}

func FuzzMatch(f *testing.F) {
	for _, pattern := range []string{"#", ">", "events.a.#", "events.a.>", "+.a.+", "process", "control.+.b.#", "events.a"} {
		for _, topic := range []string{"events.a", "events.a.b", "control.a.b.c.d", "events", "events.a.b.c.d.e", "events.A"} {
			f.Add(pattern, topic)
		}
	}
	f.Fuzz(func(t *testing.T, pattern, topic string) {
		p, err := subjects.ParsePattern(pattern)
		if err != nil {
			return
		}
		requireAgreement(t, p, topic)
		requireAgreement(t, p, shortestTopic(p))

		var index subjects.Index[int]
		index.Insert(p, 1)
		require.Equal(t, p.Match(topic), len(index.Match(topic, nil)) == 1)
	})
}
