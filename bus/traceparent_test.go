package bus_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/daemoneye/eventbus/bus"
)

const (
	traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	spanID  = "00f067aa0ba902b7"
)

func TestParseTraceparent(t *testing.T) {
	for text, flags := range map[string]byte{
		"00-" + traceID + "-" + spanID + "-00":          0,
		"00-" + traceID + "-" + spanID + "-01":          bus.TraceSampled,
		"00-" + traceID + "-" + spanID + "-03":          bus.TraceSampled | bus.TraceRandom,
		"00-" + traceID + "-" + spanID + "-fe":          bus.TraceRandom, // the others mean nothing yet
		"01-" + traceID + "-" + spanID + "-09":          bus.TraceSampled,
		"cc-" + traceID + "-" + spanID + "-01-and-more": bus.TraceSampled,
		"fe-" + traceID + "-" + spanID + "-01-":         bus.TraceSampled,
	} {
		got, err := bus.ParseTraceparent(text)
		require.NoError(t, err, text)
		require.Equal(t, bus.Traceparent{TraceID: traceID, SpanID: spanID, Flags: flags}, got, text)
	}
}

func TestParseTraceparentRefuses(t *testing.T) {
	for text, reason := range map[string]string{
		"":                                     "0 bytes, at least 55 needed",
		"00-" + traceID + "-" + spanID + "-0":  "54 bytes",
		"ff-" + traceID + "-" + spanID + "-01": "version",
		"0A-" + traceID + "-" + spanID + "-01": "version",
		"000" + traceID + "-" + spanID + "-01": "version",
		"00-" + strings.ToUpper(traceID) + "-" + spanID + "-01":       "trace ID",
		"00-" + strings.Repeat("0", 32) + "-" + spanID + "-01":        "trace ID",
		"00-" + traceID + "_" + spanID + "-01":                        "dashes",
		"00-" + traceID + "-" + spanID + "_01":                        "dashes",
		"00-" + traceID + "-" + strings.ToUpper(spanID) + "-01":       "span ID",
		"00-" + traceID + "-" + strings.Repeat("0", 16) + "-01":       "span ID",
		"00-" + traceID + "-" + spanID + "-0x":                        "flags",
		"00-" + traceID + "-" + spanID + "-0F":                        "flags",
		"00-" + traceID + "-" + spanID + "-01-":                       "nothing may follow",
		"00-" + traceID + "-" + spanID + "-01 ":                       "nothing may follow",
		"01-" + traceID + "-" + spanID + "-01.":                       "dash must follow",
		"00-" + traceID + "-" + spanID + strings.Repeat("-01", 1<<10): "nothing may follow",
	} {
		got, err := bus.ParseTraceparent(text)
		require.ErrorIs(t, err, bus.ErrInvalid, text)
		require.ErrorContains(t, err, "bus: invalid traceparent", text)
		require.ErrorContains(t, err, reason, text)
		require.Less(t, len(err.Error()), 300)
		require.Zero(t, got, text)
	}
}

// FuzzParseTraceparent compares with OpenTelemetry's own parser. In version 00 that one refuses flags that mean nothing yet, and takes a dash
// at the end, where the specification has nothing follow.
func FuzzParseTraceparent(f *testing.F) {
	for _, text := range []string{
		"", "00-" + traceID + "-" + spanID + "-01", "00-" + traceID + "-" + spanID + "-01-", "cc-" + traceID + "-" + spanID + "-01-x",
		"fe-" + traceID + "-" + spanID + "-ff", "ff-" + traceID + "-" + spanID + "-01", "00-" + strings.ToUpper(traceID) + "-" + spanID + "-01",
		"00-" + traceID + "-" + spanID + "-80", "01-" + traceID + "-" + spanID + "-01x",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ours, err := bus.ParseTraceparent(text)
		switch version00 := strings.HasPrefix(text, "00-"); {
		case version00 && err == nil:
			text = text[:53] + "0" + string("0123"[ours.Flags])
		case version00 && len(text) == 56 && text[55] == '-':
			return
		}
		carrier := propagation.MapCarrier{"traceparent": text}
		theirs := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(t.Context(), carrier))
		require.Equal(t, theirs.IsValid(), err == nil, "%q: %v", text, err)
		if err != nil {
			return
		}
		require.Equal(t, theirs.TraceID().String(), ours.TraceID)
		require.Equal(t, theirs.SpanID().String(), ours.SpanID)
		require.Equal(t, byte(theirs.TraceFlags()), ours.Flags)
		again, err := bus.ParseTraceparent(ours.String())
		require.NoError(t, err)
		require.Equal(t, ours, again)
		correlation := bus.Correlation{TraceID: ours.TraceID, SpanID: ours.SpanID}
		value, ok := correlation.Traceparent()
		require.True(t, ok)
		require.Equal(t, "00-"+ours.TraceID+"-"+ours.SpanID+"-01", value)
	})
}

func TestTraceparentOfACorrelation(t *testing.T) {
	for _, c := range []bus.Correlation{
		{}, {TraceID: traceID}, {SpanID: spanID}, {TraceID: "any text", SpanID: "is valid there"},
		{TraceID: strings.ToUpper(traceID), SpanID: spanID}, {TraceID: traceID, SpanID: strings.Repeat("0", 16)}, {TraceID: traceID + "0", SpanID: spanID},
	} {
		require.NoError(t, c.Validate())
		value, ok := c.Traceparent()
		require.False(t, ok, c)
		require.Empty(t, value)
	}
	child := (&bus.Correlation{ID: "a", TraceID: traceID, SpanID: spanID}).Child()
	value, ok := child.Traceparent()
	require.True(t, ok)
	require.Equal(t, "00-"+traceID+"-"+spanID+"-01", value)
}
