package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

// AnswerError is returned for an answer that is not what was asked for.
type AnswerError struct {
	Topic string // of the request
	Err   error
}

func (e *AnswerError) Error() string { return fmt.Sprintf("control: answer on %s: %v", e.Topic, e.Err) }

func (e *AnswerError) Unwrap() error { return e.Err }

// Status asks a component how it is; with an empty id, the first one that answers.
//
// It and the functions like it return what [bus.Ask] returns, a [*subjects.Error] for a malformed id and an [*AnswerError]. With an
// id that nobody has, that is [bus.ErrNoResponders].
func Status(ctx context.Context, b bus.Bus, id string) (StatusReport, error) {
	return ask[StatusReport](ctx, b, statusTopic, id, nil)
}

// Statuses asks everybody, and yields the answers as they come until ctx ends: see [bus.Requester]. An error does not end it.
func Statuses(ctx context.Context, b bus.Bus) iter.Seq2[StatusReport, error] {
	return askAll[StatusReport](ctx, b, statusTopic, nil)
}

// Diagnostics asks a component for its counters. A nil request is the default one.
func Diagnostics(ctx context.Context, b bus.Bus, id string, request *DiagnosticsRequest) (DiagnosticsReport, error) {
	return ask[DiagnosticsReport](ctx, b, diagnosticsTopic, id, request)
}

// AllDiagnostics asks everybody, as [Statuses] does.
func AllDiagnostics(ctx context.Context, b bus.Bus, request *DiagnosticsRequest) iter.Seq2[DiagnosticsReport, error] {
	return askAll[DiagnosticsReport](ctx, b, diagnosticsTopic, request)
}

// Configuration asks a component for its effective configuration, or for some keys and tables of it.
func Configuration(ctx context.Context, b bus.Bus, id string, keys ...string) (ConfigurationReport, error) {
	return ask[ConfigurationReport](ctx, b, configurationTopic, id, ConfigurationRequest{Keys: keys})
}

// Configurations asks everybody, as [Statuses] does.
func Configurations(ctx context.Context, b bus.Bus, keys ...string) iter.Seq2[ConfigurationReport, error] {
	return askAll[ConfigurationReport](ctx, b, configurationTopic, ConfigurationRequest{Keys: keys})
}

// Configure changes values of a component's configuration by their keys. What has become of each is in the Changes of the report:
// a value that is refused, or that needs a restart, is no error. The Settings of the report are those of the keys.
func Configure(ctx context.Context, b bus.Bus, id string, values map[string]any) (ConfigurationReport, error) {
	request := ConfigurationRequest{Set: make(map[string]json.RawMessage, len(values))}
	for key, value := range values {
		data, err := json.Marshal(value)
		if err != nil {
			return ConfigurationReport{}, fmt.Errorf("control: %s: %w", key, err)
		}
		request.Set[key] = data
	}
	return ask[ConfigurationReport](ctx, b, configurationTopic, id, &request)
}

// topicOf returns the topic of requests to everybody, or to one component.
type topicOf struct {
	all string
	one func(id string) (string, error)
}

var (
	statusTopic        = topicOf{subjects.ControlHealthStatus, subjects.StatusFor}
	diagnosticsTopic   = topicOf{subjects.ControlHealthDiagnostics, subjects.DiagnosticsFor}
	configurationTopic = topicOf{subjects.ControlCollectorConfig, subjects.CollectorConfigFor}
)

func (t topicOf) of(id string) (string, error) {
	if id == "" {
		return t.all, nil
	}
	return t.one(id)
}

func ask[Report any](ctx context.Context, b bus.Bus, to topicOf, id string, request any) (report Report, err error) {
	topic, err := to.of(id)
	if err != nil {
		return report, err
	}
	data, err := json.Marshal(request)
	if err != nil {
		return report, err
	}
	answer, err := bus.Ask(ctx, b, topic, data)
	if err != nil {
		return report, err
	}
	return read[Report](topic, answer)
}

func askAll[Report any](ctx context.Context, b bus.Bus, to topicOf, request any) iter.Seq2[Report, error] {
	return func(yield func(Report, error) bool) {
		var none Report
		requester, ok := bus.As[bus.Requester](b)
		data, err := json.Marshal(request)
		if !ok {
			err = fmt.Errorf("control: requests on %T: %w", b, errors.ErrUnsupported)
		}
		if err != nil {
			yield(none, err)
			return
		}
		for answer, err := range requester.Request(ctx, to.all, data) {
			report := none
			if err == nil {
				report, err = read[Report](to.all, answer)
			}
			if !yield(report, err) {
				return
			}
		}
	}
}

// read accepts fields that it does not know: they are those of a newer version.
func read[Report any](topic string, answer []byte) (report Report, err error) {
	if err := json.Unmarshal(answer, &report); err != nil {
		return report, &AnswerError{Topic: topic, Err: err}
	}
	return report, nil
}
