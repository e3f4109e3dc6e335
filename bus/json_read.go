package bus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/tinylib/msgp/msgp"
)

// EventTypes returns the types that this version knows.
func EventTypes() []EventType {
	types := make([]EventType, 0, len(payloadTypes))
	for _, p := range payloadTypes {
		types = append(types, p.name)
	}
	return types
}

// NewPayload returns a new, empty payload of that type; nil for a type that this version does not know, which is a [Raw].
func NewPayload(t EventType) Payload {
	if p := lookupType(t); p != nil {
		return p.new()
	}
	return nil
}

// jsonInput is a jsonEvent whose payload is still to be read.
type jsonInput struct {
	ID          uuid.UUID       `json:"id"`
	Time        time.Time       `json:"time"`
	Topic       string          `json:"topic"`
	Source      string          `json:"source"`
	Type        EventType       `json:"type"`
	Payload     json.RawMessage `json:"payload"`
	Correlation Correlation     `json:"correlation"`
	Publisher   uuid.UUID       `json:"publisher"`
	Sequence    uint64          `json:"sequence"`
	Metadata    Metadata        `json:"metadata"`
}

// UnmarshalJSON reads what MarshalJSON writes, and what people write by hand: of the keys only type and payload have to be there, and a
// null is as good as nothing. It is stricter than the wire format, since a key that is misspelt would be a value that is missing: unknown
// keys and repeated ones are an [*InvalidError], which names the key as payload.pid. The event is not validated; Publish does that.
//
// A payload of a type that this version does not know becomes a [Raw]. Its bytes and times, which JSON has as texts, stay texts.
func (e *Event) UnmarshalJSON(data []byte) error {
	if err := checkJSON(data); err != nil {
		return err
	}
	var in jsonInput
	if err := readObject("", data, reflect.ValueOf(&in).Elem()); err != nil {
		return err
	}
	switch {
	case in.Type == "":
		return &InvalidError{Field: "type", Reason: "must be there"}
	case len(in.Payload) == 0:
		return &InvalidError{Field: "payload", Reason: "must be there"}
	}
	payload := NewPayload(in.Type)
	if payload == nil {
		raw, err := messagePack(in.Payload)
		if err != nil {
			return err
		}
		payload = &Raw{Name: in.Type, Data: raw}
	} else if err := readObject("payload.", in.Payload, reflect.ValueOf(payload).Elem()); err != nil {
		return err
	}
	*e = Event{
		ID: in.ID, Time: in.Time, Topic: in.Topic, Source: in.Source, Payload: payload, Correlation: in.Correlation,
		Publisher: in.Publisher, Sequence: in.Sequence, Metadata: in.Metadata,
	}
	return nil
}

// checkJSON returns an error unless the data is one JSON value.
func checkJSON(data []byte) error {
	var value json.RawMessage
	err := json.Unmarshal(data, &value)
	if err == nil {
		return nil
	}
	reason := err.Error()
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		reason = fmt.Sprintf("byte %d: %v", syntax.Offset, err)
	}
	return &InvalidError{Field: "event", Value: string(data), Reason: "not JSON: " + reason, Err: err}
}

// readObject reads an object into a struct whose tags are its keys. prefix stands before the keys in errors.
func readObject(prefix string, data []byte, into reflect.Value) error {
	members, err := readMembers(prefix, data)
	if err != nil {
		return err
	}
	fields := jsonFields(into)
	for _, m := range members {
		field, ok := fields[m.key]
		if !ok {
			return &InvalidError{Field: prefix + m.key, Value: string(m.value), Reason: "unknown key"}
		}
		isPayload := field.Type() == reflect.TypeFor[json.RawMessage]()
		if string(m.value) == "null" && !isPayload {
			continue
		}
		if _, isOwn := reflect.TypeAssert[json.Unmarshaler](field.Addr()); !isOwn && field.Kind() == reflect.Struct {
			err = readObject(prefix+m.key+".", m.value, field)
		} else if json.Unmarshal(m.value, field.Addr().Interface()) != nil {
			err = &InvalidError{Field: prefix + m.key, Value: string(m.value), Reason: "must be " + jsonForm(field.Type())}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// member is a key of an object with its value.
type member struct {
	key   string
	value json.RawMessage
}

// readMembers returns the members of an object.
func readMembers(prefix string, data []byte) ([]member, error) {
	name := strings.TrimSuffix(prefix, ".")
	if name == "" {
		name = "event"
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, &InvalidError{Field: name, Value: string(data), Reason: "must be an object"}
	}
	var members []member
	seen := make(map[string]bool)
	for decoder.More() {
		token, err := decoder.Token()
		key, ok := token.(string)
		if err != nil || !ok {
			return nil, &InvalidError{Field: name, Value: string(data), Reason: "must be an object"}
		}
		if seen[key] {
			return nil, &InvalidError{Field: prefix + key, Reason: "comes twice"}
		}
		seen[key] = true
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, &InvalidError{Field: prefix + key, Reason: err.Error(), Err: err}
		}
		members = append(members, member{key, value})
	}
	return members, nil
}

// jsonFields returns the fields of a struct by their keys.
func jsonFields(v reflect.Value) map[string]reflect.Value {
	fields := make(map[string]reflect.Value)
	for field, value := range v.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		fields[name] = value
	}
	return fields
}

// jsonForm says in words what a value of a type looks like in JSON.
func jsonForm(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t {
	case reflect.TypeFor[time.Time]():
		return `a time such as "2026-01-02T03:04:05Z"`
	case reflect.TypeFor[uuid.UUID]():
		return "a UUID"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Uint32, reflect.Uint64:
		return fmt.Sprintf("a whole number of 0 to %d", uint64(math.MaxUint64)>>(64-t.Bits()))
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a list of texts"
	case reflect.Map:
		return "an object of texts"
	}
	return "a text"
}

// messagePack returns a JSON value as MessagePack, with the keys of objects in order.
func messagePack(data []byte) ([]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, &InvalidError{Field: "payload", Value: string(data), Reason: err.Error(), Err: err}
	}
	return appendMessagePack(nil, value)
}

func appendMessagePack(b []byte, value any) (_ []byte, err error) {
	switch v := value.(type) {
	case json.Number:
		return appendNumber(b, string(v))
	case []any:
		b = msgp.AppendArrayHeader(b, uint32(len(v)))
		for _, element := range v {
			if b, err = appendMessagePack(b, element); err != nil {
				return nil, err
			}
		}
		return b, nil
	case map[string]any:
		b = msgp.AppendMapHeader(b, uint32(len(v)))
		keys := make([]string, 0, len(v))
		for key := range v {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		for _, key := range keys {
			if b, err = appendMessagePack(msgp.AppendString(b, key), v[key]); err != nil {
				return nil, err
			}
		}
		return b, nil
	}
	return msgp.AppendIntf(b, value) // nil, a bool or a string
}

// appendNumber appends a whole number as an integer if it is one that MessagePack has, and any other as a float.
func appendNumber(b []byte, text string) ([]byte, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && text != "-0" {
		return msgp.AppendInt64(b, n), nil
	}
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		return msgp.AppendUint64(b, n), nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, &InvalidError{Field: "payload", Value: text, Reason: "must be a number that a float64 can hold", Err: err}
	}
	return msgp.AppendFloat64(b, f), nil
}
