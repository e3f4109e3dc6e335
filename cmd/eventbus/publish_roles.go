package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/internal/link"
	"github.com/daemoneye/eventbus/subjects"
)

// maxRefused bounds the topics that are remembered and named.
const maxRefused = 5

// refusals takes what the bus logs about topics on which it may not publish, and remembers the topics: the statistics count messages only,
// and the bus logs a few of the complaints and no more.
type refusals struct {
	slog.Handler

	mu     sync.Mutex // guards topics
	topics []string
}

// Handle implements [slog.Handler].
func (r *refusals) Handle(ctx context.Context, record slog.Record) error {
	var subject string
	record.Attrs(func(a slog.Attr) bool {
		if err, ok := a.Value.Any().(error); ok && errors.Is(err, nats.ErrPermissionViolation) {
			_, rest, _ := strings.Cut(err.Error(), `Publish to "`)
			subject, _, _ = strings.Cut(rest, `"`)
		}
		return subject == ""
	})
	if subject == "" {
		return r.Handler.Handle(ctx, record)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if topic := topicOf(subject); !slices.Contains(r.topics, topic) && len(r.topics) < maxRefused {
		r.topics = append(r.topics, topic)
	}
	return nil
}

// topicOf returns the topic of what a bus publishes on a subject.
func topicOf(subject string) string {
	if rest, ok := strings.CutPrefix(subject, link.BusPrefix); ok {
		_, subject, _ = strings.Cut(rest, ".") // the publisher ID
	}
	return strings.TrimPrefix(subject, link.BatchPrefix)
}

// needed says which roles could have published on the topics.
func (r *refusals) needed() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var each []string
	for _, topic := range r.topics {
		each = append(each, fmt.Sprintf("%s needs the role %s", topic, strings.Join(publishers(topic), " or ")))
	}
	return strings.Join(each, "; ") + " (eventbus creds make ROLE, and --creds; or event_bus.nats.role of the server)"
}

// publishers returns the roles that may publish on a topic.
func publishers(topic string) (roles []string) {
	for _, role := range embed.Roles() {
		if slices.ContainsFunc(role.Publish, func(text string) bool {
			pattern, err := subjects.ParsePattern(text)
			return err == nil && pattern.Match(topic)
		}) {
			roles = append(roles, role.Name)
		}
	}
	slices.Sort(roles)
	return roles
}
