package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/daemoneye/eventbus/bus"
)

const (
	// maxRequest bounds the data of a request, in bytes. None that makes sense is nearly as large.
	maxRequest = 16 << 10
	// maxSet bounds how many values one request sets.
	maxSet = 256
)

// respond answers on every topic, to everybody and under the component's id.
func (s *Service) respond(ctx context.Context) error {
	requester, ok := bus.As[bus.Requester](s.bus)
	if !ok {
		return fmt.Errorf("control: requests on %T: %w", s.bus, errors.ErrUnsupported)
	}
	answered := []struct {
		topics  topicOf
		handler bus.RequestHandler
	}{
		{statusTopic, answering(s.status)},
		{diagnosticsTopic, answering(s.diagnostics)},
	}
	if s.options.Settings != nil {
		answered = append(answered, struct {
			topics  topicOf
			handler bus.RequestHandler
		}{configurationTopic, answering(s.configuration)})
	}
	for _, a := range answered {
		for _, id := range []string{"", s.options.ID} {
			topic, err := a.topics.of(id)
			if err != nil {
				return err
			}
			stop, err := requester.Respond(ctx, topic, a.handler)
			if errors.Is(err, bus.ErrForbidden) {
				s.options.Logger.Warn("the server does not permit this process to answer requests", "topic", topic, "error", err)
				continue
			}
			if err != nil {
				return err
			}
			s.answers = append(s.answers, stop)
		}
	}
	return nil
}

// answering makes a handler of a function: JSON in, JSON out. A request that is malformed is refused, and so is an unknown field, because who
// sent it expects something of it.
func answering[Request any](answer func(context.Context, bus.Request, Request) (any, error)) bus.RequestHandler {
	return func(ctx context.Context, asked bus.Request) ([]byte, error) {
		var request Request
		if len(asked.Data) > maxRequest {
			return nil, &bus.RequestError{Code: bus.CodeTooLarge, Reason: fmt.Sprintf("the request has %d bytes, at most %d allowed", len(asked.Data), maxRequest)}
		}
		if len(bytes.TrimSpace(asked.Data)) > 0 {
			decoder := json.NewDecoder(bytes.NewReader(asked.Data))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(&request); err != nil {
				return nil, badRequest("%s", strings.TrimPrefix(err.Error(), "json: "))
			}
			if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
				return nil, badRequest("there is something behind the request's JSON value")
			}
		}
		report, err := answer(ctx, asked, request)
		if err != nil {
			return nil, err
		}
		return json.Marshal(report)
	}
}

func badRequest(format string, values ...any) error {
	return &bus.RequestError{Code: bus.CodeBadRequest, Reason: fmt.Sprintf(format, values...)}
}

// status answers how the component is.
func (s *Service) status(context.Context, bus.Request, StatusRequest) (any, error) {
	statistics := s.bus.Statistics()
	report := s.identity
	report.Health, report.Reasons = s.health(&statistics)
	if report.Reasons == nil {
		report.Reasons = []string{}
	}
	report.Heartbeat = s.heart.get()
	report.Peers = []Peer{}
	var peers []Peer
	peers, report.PeersForgotten = s.monitor.all()
	room, err := s.roomBeside(report)
	if err != nil {
		return nil, err
	}
	report.Peers, report.PeersOmitted = fit(peers, &room)
	return report, nil
}

// configuration changes what the request says, and answers what is in force.
func (s *Service) configuration(ctx context.Context, asked bus.Request, request ConfigurationRequest) (any, error) {
	report := ConfigurationReport{ID: s.options.ID}
	if len(request.Set) > maxSet {
		return nil, badRequest("set: %d values: at most %d", len(request.Set), maxSet)
	}
	if _, err := request.choose(s.options.Settings.Settings()); err != nil {
		return nil, err // and nothing has changed
	}
	if len(request.Set) > 0 {
		by := "request"
		if asked.Role != "" {
			by = "request of the role " + asked.Role
		}
		report.Changes = s.options.Settings.Set(ctx, by, request.Set)
	}
	var err error
	if report.Settings, err = request.choose(s.options.Settings.Settings()); err != nil {
		return nil, err
	}
	room, err := s.room(report)
	if err == nil && room < 0 && len(report.Changes) > 0 {
		// What has become of the changes has to be said, be it without the values.
		report.Settings = []Setting{}
		for i := range report.Changes {
			report.Changes[i].Old, report.Changes[i].Value = nil, nil
		}
		room, err = s.room(report)
	}
	if err != nil || room < 0 {
		return nil, s.tooLarge()
	}
	return report, nil
}

// choose returns the settings that a request wants to see. A key that nothing is below is refused, unless it was to be set, which has been
// refused already.
func (r ConfigurationRequest) choose(all []Setting) ([]Setting, error) {
	if len(r.Keys) == 0 && len(r.Set) == 0 {
		return all, nil
	}
	chosen := make(map[int]bool)
	for _, key := range r.Keys {
		found := false
		for i := range all {
			if all[i].Key == key || strings.HasPrefix(all[i].Key, key+".") {
				chosen[i], found = true, true
			}
		}
		if !found {
			return nil, badRequest("keys: %q: there is no such setting", key)
		}
	}
	settings := []Setting{}
	for i := range all {
		_, isSet := r.Set[all[i].Key]
		if chosen[i] || len(r.Keys) == 0 && isSet {
			settings = append(settings, all[i])
		}
	}
	return settings, nil
}

// tooLarge refuses to answer with more than an answer may have.
func (s *Service) tooLarge() error {
	return &bus.RequestError{Code: bus.CodeTooLarge, Reason: fmt.Sprintf("the answer does not fit into %d bytes", s.options.MaxAnswer)}
}

// roomBeside returns how many bytes of an answer are left for lists beside a report that has to be in it.
func (s *Service) roomBeside(report any) (int, error) {
	room, err := s.room(report)
	if err == nil && room < 0 {
		err = s.tooLarge()
	}
	return room, err
}

// room returns how many bytes of an answer a report leaves, less than zero if it is too large.
func (s *Service) room(report any) (int, error) {
	data, err := json.Marshal(report)
	return s.options.MaxAnswer - len(data), err
}

// fit returns the rows that there is room for, and how many there is none for.
func fit[Row any](rows []Row, room *int) (fitting []Row, omitted int) {
	for i := range rows {
		data, err := json.Marshal(&rows[i])
		if *room -= len(data) + len(","); err != nil || *room < 0 {
			return append([]Row{}, rows[:i]...), len(rows) - i
		}
	}
	return append([]Row{}, rows...), 0
}
