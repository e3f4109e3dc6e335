package bus_test

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/daemoneye/eventbus/bus"
)

// TestJSONRoundTrip has events of each type at random. What JSON cannot say of a raw event, it says in the same way again.
func TestJSONRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		event := drawEvent(t)
		text, err := event.MarshalJSON()
		require.NoError(t, err)
		var got bus.Event
		require.NoError(t, json.Unmarshal(text, &got))
		if _, raw := event.Payload.(*bus.Raw); raw {
			require.NoError(t, got.Payload.Validate())
		} else {
			require.Equal(t, event, &got)
		}
		again, err := got.MarshalJSON()
		require.NoError(t, err)
		require.Equal(t, string(text), string(again))
	})
}

func TestRawEventsFromJSON(t *testing.T) {
	for text, want := range map[string]string{
		`1`: "01", `-1`: "ff", `18446744073709551615`: "cfffffffffffffffff", `1.5`: "cb3ff8000000000000", `-0`: "cb8000000000000000",
		`1e3`: "cb408f400000000000", `null`: "c0", `true`: "c3", `"a"`: "a161", `[1,[]]`: "920190", `{"b":1,"a":{}}`: "82a16180a16201",
	} {
		var event bus.Event
		require.NoError(t, json.Unmarshal([]byte(`{"type":"usb","payload":`+text+`}`), &event), text)
		raw, ok := event.Payload.(*bus.Raw)
		require.True(t, ok)
		require.NoError(t, raw.Validate())
		require.Equal(t, bus.EventType("usb"), raw.Name)
		require.Equal(t, want, hex.EncodeToString(raw.Data), text)
	}
}

// An event that is written by hand needs no more than it says, and a null says nothing.
func TestShortEventsFromJSON(t *testing.T) {
	var event bus.Event
	text := `{"payload":{"pid":7,"ppid":null,"metadata":{"action":"start"}},"type":"process","correlation":null,"source":null}`
	require.NoError(t, json.Unmarshal([]byte(text), &event))
	require.Equal(t, bus.Event{Payload: &bus.ProcessEvent{PID: 7, Metadata: bus.Metadata{"action": "start"}}}, event)
	require.NoError(t, event.Validate())
}

func TestBadEventsFromJSON(t *testing.T) {
	for text, want := range map[string]string{
		``:                                       `event "": not JSON: byte 0: `,
		`{"type":"process","payload"`:            `not JSON: byte 27: `,
		`[]`:                                     `event "[]": must be an object`,
		`{}`:                                     `type "": must be there`,
		`{"type":"process"}`:                     `payload "": must be there`,
		`{"type":7}`:                             `type "7": must be a text`,
		`{"type":"usb","payload":1e999}`:         `payload "1e999": must be a number that a float64 can hold`,
		`{"id":"x"}`:                             `id "\"x\"": must be a UUID`,
		`{"time":"now"}`:                         `time "\"now\"": must be a time such as "2026-`,
		`{"time":1}`:                             `time "1": must be a time`,
		`{"Type":"process"}`:                     `Type "\"process\"": unknown key`,
		`{"sequence":-1}`:                        `sequence "-1": must be a whole number of 0 to 18446744073709551615`,
		`{"metadata":{"a":1}}`:                   `metadata "{\"a\":1}": must be an object of texts`,
		`{"topic":"a","topic":"b"}`:              `topic "": comes twice`,
		`{"correlation":{"tag":{}}}`:             `correlation.tag "{}": unknown key`,
		`{"correlation":{"sequence":"1"}}`:       `correlation.sequence "\"1\"": must be a whole number`,
		`{"correlation":7}`:                      `correlation "7": must be an object`,
		`{"type":"process","payload":null}`:      `payload "null": must be an object`,
		`{"type":"process","payload":{"pdi":1}}`: `payload.pdi "1": unknown key`,
		`{"type":"process","payload":{"pid":4294967296}}`:       `payload.pid "4294967296": must be a whole number of 0 to 4294967295`,
		`{"type":"process","payload":{"ppid":"1"}}`:             `payload.ppid "\"1\"": must be a whole number`,
		`{"type":"process","payload":{"accessible":"yes"}}`:     `payload.accessible "\"yes\"": must be true or false`,
		`{"type":"process","payload":{"command_line":"sleep"}}`: `payload.command_line "\"sleep\"": must be a list of texts`,
		`{"type":"process","payload":{"name":1}}`:               `payload.name "1": must be a text`,
		`{"type":"performance","payload":{"value":"1"}}`:        `payload.value "\"1\"": must be a number`,
	} {
		event := bus.Event{Source: "before"}
		err := event.UnmarshalJSON([]byte(text))
		require.ErrorIs(t, err, bus.ErrInvalid, text)
		require.ErrorContains(t, err, want, text)
		require.Equal(t, bus.Event{Source: "before"}, event, "left alone")
	}
}

func TestNewPayload(t *testing.T) {
	require.Contains(t, bus.EventTypes(), bus.TypeTrigger)
	for _, known := range bus.EventTypes() {
		require.Equal(t, known, bus.NewPayload(known).Type())
		require.NotEmpty(t, known.DefaultTopic())
	}
	require.Nil(t, bus.NewPayload("usb"))
}

func FuzzEventFromJSON(f *testing.F) {
	for _, seed := range []string{`{"type":"process","payload":{"pid":1}}`, `{"type":"x","payload":[1,{"a":null}],"metadata":{"k":"v"}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var event bus.Event
		if err := event.UnmarshalJSON([]byte(text)); err != nil {
			require.ErrorIs(t, err, bus.ErrInvalid)
			return
		}
		if event.Validate() != nil {
			return
		}
		encoded, err := event.MarshalJSON()
		require.NoError(t, err)
		var again bus.Event
		require.NoError(t, again.UnmarshalJSON(encoded), strings.ToValidUTF8(text, "?"))
	})
}
