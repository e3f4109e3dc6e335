package subjects_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/subjects"
)

// refused asserts that err is an *Error about value and returns it.
func refused(t testing.TB, err error, kind, value string) *subjects.Error {
	t.Helper()
	refusal, ok := errors.AsType[*subjects.Error](err)
	require.True(t, ok, "not an *Error: %v", err)
	require.Equal(t, kind, refusal.Kind)
	require.Equal(t, value, refusal.Value)
	require.NotEmpty(t, refusal.Reason)
	require.GreaterOrEqual(t, refusal.Position, 0)
	require.LessOrEqual(t, refusal.Position, len(value))
	return refusal
}

var longest = "events." + strings.Repeat("x", subjects.MaxLength-len("events."))

func TestValidTopics(t *testing.T) {
	for _, topic := range []string{
		"events.x",
		"control.shutdown",
		"events.process.lifecycle",
		"events.a.b.c.d",
		"events.under_score.hy-phen.0123456789",
		"events.-._",
		"events.system.debug", // reserved in the first place only
		"control.events",
		longest,
	} {
		require.NoError(t, subjects.ValidateTopic(topic), topic)
		got, err := subjects.FromSubject(topic)
		require.NoError(t, err)
		require.Equal(t, topic, got)
	}
}

func TestInvalidTopics(t *testing.T) {
	for _, tt := range []struct {
		name, topic       string
		position, segment int
		reason            string
	}{
		{"empty", "", 0, 0, "is empty"},
		{"a domain alone", "events", 6, 0, "a topic has at least 2 segments"},
		{"foreign first segment", "inbox.x", 0, 1, "first segment must be events or control"},
		{"old name", "process.lifecycle", 0, 1, "first segment must be events or control"},
		{"reserved system", "system.x", 0, 1, "first segment system is reserved"},
		{"reserved debug", "debug", 0, 1, "first segment debug is reserved"},
		{"domain as a prefix", "eventsx.a", 0, 1, "first segment must be events or control"},
		{"too deep", "events.a.b.c.d.e", 15, 6, "a topic has at most 5 segments"},
		{"too long", longest + "x", 255, 0, "a topic has at most 255 bytes, and this needs 256"},
		{"leading dot", ".events.x", 0, 1, "segment is empty"},
		{"double dot", "events..x", 7, 2, "segment is empty"},
		{"trailing dot", "events.x.", 9, 3, "segment is empty"},
		{"a dot", ".", 0, 1, "segment is empty"},
		{"upper case", "events.Process", 7, 2, "'P' is not one of a-z, 0-9, '_' and '-'"},
		{"upper case domain", "Events.x", 0, 1, "'E' is not one of a-z, 0-9, '_' and '-'"},
		{"space", "events.a b", 8, 2, "' ' is not one of a-z, 0-9, '_' and '-'"},
		{"NUL", "events.\x00", 7, 2, `'\x00' is not one of a-z, 0-9, '_' and '-'`},
		{"newline", "events.a\n", 8, 2, `'\n' is not one of a-z, 0-9, '_' and '-'`},
		{"UTF-8", "events.é", 7, 2, "'é' is not one of a-z, 0-9, '_' and '-'"},
		{"broken UTF-8", "events.a\xff", 8, 2, "byte 0xff is not one of a-z, 0-9, '_' and '-'"},
		{"wildcard +", "events.+", 7, 2, "wildcard '+' is for patterns only"},
		{"wildcard #", "#", 0, 1, "wildcard '#' is for patterns only"},
		{"wildcard >", "events.>", 7, 2, "wildcard '>' is for patterns only"},
		{"NATS system subject", "$SYS.x", 0, 1, "'$' is not one of a-z, 0-9, '_' and '-'"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := refused(t, subjects.ValidateTopic(tt.topic), "topic", tt.topic)
			require.Equal(t, tt.reason, err.Reason)
			require.Equal(t, tt.position, err.Position, "position")
			require.Equal(t, tt.segment, err.Segment, "segment")

			topic, subjectErr := subjects.FromSubject(tt.topic)
			require.Empty(t, topic)
			require.Equal(t, tt.reason, refused(t, subjectErr, "subject", tt.topic).Reason)
		})
	}
}

func TestErrorText(t *testing.T) {
	err := subjects.ValidateTopic("events.a\x00b")
	require.EqualError(t, err, `subjects: invalid topic "events.a\x00b": `+
		`'\x00' is not one of a-z, 0-9, '_' and '-' (at byte 8, segment 2)`)

	err = subjects.ValidateTopic("events")
	require.EqualError(t, err, `subjects: invalid topic "events": a topic has at least 2 segments (at byte 6)`)

	err = subjects.ValidateTopic("events." + strings.Repeat("é", 100_000))
	require.Less(t, len(err.Error()), 400, "a peer's value must not flood the log")
	require.Contains(t, err.Error(), `é"... (200007 bytes)`)
}

// The grammar a second time, by other means.
var topicGrammar = regexp.MustCompile(`\A(events|control)(\.[a-z0-9_-]+){1,4}\z`)

func FuzzTopic(f *testing.F) {
	for _, seed := range []string{
		"", ".", "events", "events.x", "control.a.b.c.d", "events.a.b.c.d.e", "events..x", "events.x.",
		"system.x", "Events.x", "events.\x00", "events.\xff", "events.+", "events.>", longest, longest + "x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		err := subjects.ValidateTopic(s)
		want := len(s) <= subjects.MaxLength && topicGrammar.MatchString(s)
		require.Equal(t, want, err == nil, "%q: %v", s, err)

		topic, subjectErr := subjects.FromSubject(s)
		require.Equal(t, err == nil, subjectErr == nil)
		if err != nil {
			require.Empty(t, topic)
			require.NotContains(t, refused(t, err, "topic", s).Error(), "\n")
			return
		}
		require.Equal(t, s, topic)

		// A topic is a pattern that selects itself.
		p, err := subjects.ParsePattern(s)
		require.NoError(t, err)
		require.True(t, p.IsLiteral())
		require.True(t, p.Match(s))
		require.Equal(t, []string{s}, p.Subjects())
	})
}
