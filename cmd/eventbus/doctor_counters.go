package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/health"
	"github.com/daemoneye/eventbus/internal/report"
	"github.com/daemoneye/eventbus/internal/show"
)

// since says when n events were counted, of which before were there at the first reading.
func since(p *report.Program, before, n uint64) string {
	text := fmt.Sprintf("since it was started %v ago", report.Short(p.After.Statistics.Uptime))
	switch {
	case n > before:
		return fmt.Sprintf("%s, %d of them within the last %v", text, n-before, report.Short(p.Over()))
	case n == 1:
		return text + ", and not just now"
	}
	return text + ", none of them just now"
}

// checkDrops looks at what subscriptions dropped, by cause.
func checkDrops(_ context.Context, e *examination) ([]finding, string) {
	return e.each(func(_ int, p *report.Program) []finding {
		drops, before := p.After.Statistics.Drops, p.Before.Statistics.Drops
		causes := []struct {
			before, n            uint64
			name, reason, remedy string
		}{
			{before.Overflow, drops.Overflow, "overflow", "because their queues were full", "Make the subscriber faster, or its queue larger (event_bus.queue_capacity)"},
			{before.Displaced, drops.Displaced, "displaced", "to make room for newer ones", "Make the subscriber faster, or its queue larger (event_bus.queue_capacity)"},
			{before.Timeout, drops.Timeout, "timeout", "because a publisher had waited for room too long", "Make the subscriber faster, or choose another policy than block for it; event_bus.publish_timeout bounds the wait"},
			{before.Remote, drops.Remote, "remote", "because their queues were full and a publisher elsewhere cannot wait", "Make the subscriber faster, or its queue larger: block holds up publishers of the same process only"},
			{before.Circuit, drops.Circuit, "circuit", "while a circuit was open", "Make the subscriber faster; event_bus.circuit_break says when a circuit opens"},
			{before.Shutdown, drops.Shutdown, "shutdown", "at the end, with what was queued", "Give it more time to end: --shutdown-timeout"},
		}
		var findings []finding
		for _, cause := range causes {
			if cause.n > 0 {
				findings = append(findings, found(cause.remedy, "%s has dropped %s %s (%s)%s, %s", show.Quote(p.After.ID), counted(cause.n, "event"), cause.reason,
					cause.name, worst(p, cause.name), since(p, cause.before, cause.n))...)
			}
		}
		return findings
	})
}

// maxNamed is how many subscriptions a finding names.
const maxNamed = 3

// worst names subscriptions that dropped events for a cause, which is called as in their drops.
func worst(p *report.Program, cause string) string {
	var names []string
	for _, one := range p.After.Statistics.Subscriptions {
		if strings.Contains(" "+one.Drops.String(), " "+cause+"=") && len(names) < maxNamed {
			names = append(names, show.Quote(one.ID))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return ", such as of " + strings.Join(names, ", ")
}

// checkLosses looks at what did not reach the programs.
func checkLosses(_ context.Context, e *examination) ([]finding, string) {
	return e.each(func(_ int, p *report.Program) []finding {
		lost := p.After.Statistics.Lost
		if lost == 0 {
			return nil
		}
		return found("Look at its log for from whom they were and when: a connection that was cut, a server that ended, or more than was decoded or sent (overruns, unsent)",
			"%s did not reach %s, %s", counted(lost, "event"), show.Quote(p.After.ID), since(p, p.Before.Statistics.Lost, lost))
	})
}

// checkSlowSubscribers looks at queues that stay full, and at circuits.
func checkSlowSubscribers(_ context.Context, e *examination) ([]finding, string) {
	return e.each(func(_ int, p *report.Program) []finding {
		var findings []finding
		for _, one := range p.After.Statistics.Subscriptions {
			where := ""
			if one.WaitsIn != "" {
				where = ": it waits in " + one.WaitsIn
			}
			if one.FullFor > 0 {
				findings = append(findings, found("Make it faster, or give it another policy than "+one.Overflow.String()+"; with block it holds up who publishes",
					"The subscriber %s of %s has kept its queue of %d events full for %v%s", show.Quote(one.ID), show.Quote(p.After.ID), one.QueueCapacity, report.Short(one.FullFor), where)...)
			}
			if health.IsOpen(one.Circuit) {
				findings = append(findings, found("Make it faster; the circuit closes by itself when the queue drains (event_bus.circuit_break)",
					"The circuit of the subscriber %s of %s is %s, so its events are dropped", show.Quote(one.ID), show.Quote(p.After.ID), one.Circuit)...)
			}
		}
		return findings
	})
}

// checkSlowClients looks at clients that the server has thrown out.
func checkSlowClients(_ context.Context, e *examination) ([]finding, string) {
	return e.each(func(_ int, p *report.Program) []finding {
		if p.After.Server == nil || p.After.Server.SlowClients == 0 {
			return nil
		}
		before := uint64(0)
		if p.Before.Server != nil {
			before = p.Before.Server.SlowClients
		}
		n := p.After.Server.SlowClients
		return found("Find them by name in its log, and make them read faster, or subscribe to less",
			"The server of %s has disconnected clients that did not read, %d times %s", show.Quote(p.After.ID), n, since(p, before, n))
	})
}

// troubleCounter is a counter of what should not be, and what to do about it.
type troubleCounter struct {
	name, what, remedy string
	of                 func(*bus.Statistics) uint64
}

// look returns a finding for each of the counters that has counted anything.
func (e *examination) look(counters []troubleCounter) ([]finding, string) {
	return e.each(func(_ int, p *report.Program) []finding {
		var findings []finding
		for _, one := range counters {
			if n := one.of(&p.After.Statistics); n > 0 {
				findings = append(findings, found(one.remedy, "%s counts %s=%d (%s) %s", show.Quote(p.After.ID), one.name, n, one.what, since(p, one.of(&p.Before.Statistics), n))...)
			}
		}
		return findings
	})
}

// checkRefused looks at what was refused.
func checkRefused(_ context.Context, e *examination) ([]finding, string) {
	return e.look([]troubleCounter{
		{"malformed", "messages that are no events",
			"Find the client that sends them by the log, and mend it: docs/wire.md says what an event is", func(s *bus.Statistics) uint64 { return s.Malformed }},
		{"forged", "messages in another's name",
			"Find the client by the log: it may be misconfigured, with a source that is not its role's, or an attacker; revoke its credential (eventbus creds revoke)", func(s *bus.Statistics) uint64 { return s.Forged }},
		{"forbidden", "messages that the server refused to take from it",
			"Give it a role that may publish these topics (event_bus.nats.role, eventbus creds make), or do not publish them", func(s *bus.Statistics) uint64 { return s.Forbidden }},
	})
}

// checkThroughput looks at what came faster than it was handled.
func checkThroughput(_ context.Context, e *examination) ([]finding, string) {
	return e.look([]troubleCounter{
		{"unsent", "events that others wanted and that were not sent",
			"Publish less at once, or give the process more CPU: they came faster than the server took them", func(s *bus.Statistics) uint64 { return s.Unsent }},
		{"overruns", "messages that came faster than they were decoded",
			"Subscribe to less, or give the process more CPU", func(s *bus.Statistics) uint64 { return s.Overruns }},
	})
}

// checkCollectors looks at what collectors could not publish.
func checkCollectors(_ context.Context, e *examination) ([]finding, string) {
	return e.each(func(_ int, p *report.Program) []finding {
		var findings []finding
		for _, one := range p.After.Collectors {
			if one.Failed > 0 {
				findings = append(findings, found("Look at its log for why: a subscriber that blocks, or an event that is too large (event_bus.nats.max_payload)",
					"The collector %s of %s could not publish %s", show.Quote(one.Name), show.Quote(p.After.ID), counted(one.Failed, "event"))...)
			}
			if one.Interval > 0 && one.LastScan > one.Interval {
				findings = append(findings, found("Raise its interval in [collect], or give the process more CPU",
					"The last scan of the collector %s of %s took %v, which is longer than its interval of %v", show.Quote(one.Name), show.Quote(p.After.ID), report.Short(one.LastScan), one.Interval)...)
			}
		}
		return findings
	})
}
