package report

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/show"
)

// subscription is a row of the table of subscriptions.
type subscription struct {
	program   *Program
	whose     Span
	before    bus.SubscriptionStatistics
	after     bus.SubscriptionStatistics
	perSecond float64
}

// Subscriptions returns the table of the programs' subscriptions. It says whose each is if there are several programs.
func Subscriptions(programs []Program, order Order) Table {
	var rows []subscription
	for i := range programs {
		rows = append(rows, programs[i].subscriptions(whose(programs, i))...)
	}
	sortRows(rows, order, func(a, b *subscription) int { return order.Key.compare(a, b) }, func(a, b *subscription) int {
		return cmp.Or(cmp.Compare(a.after.ID, b.after.ID), cmp.Compare(a.program.After.ID, b.program.After.ID))
	})
	table := Table{Columns: []Column{
		order.column("SUBSCRIPTION", ByName), {Title: "PROGRAM"}, order.column("EVENTS/S", ByRate), {Title: "DELIVERED", Right: true},
		order.column("QUEUED", ByQueued), {Title: "OF", Right: true}, order.column("HIGH WATER", ByHighWater), order.column("LAG", ByLag),
		order.column("DROPPED", ByDropped), order.column("LOST", ByLost), {Title: "DROPPED BY"}, {Title: "POLICY"},
	}}
	for i := range rows {
		table.Rows = append(table.Rows, rows[i].cells())
	}
	return table
}

// column returns a column by which rows can be sorted.
func (o Order) column(title string, key Key) Column {
	column := Column{Title: title, Right: key != ByName}
	if o.Key == key {
		column.Style = Marked
	}
	return column
}

func (k Key) compare(a, b *subscription) int {
	switch k {
	case ByRate:
		return cmp.Compare(a.perSecond, b.perSecond)
	case ByQueued:
		return cmp.Compare(a.after.Queued, b.after.Queued)
	case ByHighWater:
		return cmp.Compare(a.after.HighWater, b.after.HighWater)
	case ByLag:
		return cmp.Compare(a.after.Lag, b.after.Lag)
	case ByDropped:
		return cmp.Compare(a.after.Dropped, b.after.Dropped)
	case ByLost:
		return cmp.Compare(a.after.Lost, b.after.Lost)
	}
	return cmp.Compare(a.after.ID, b.after.ID)
}

// subscriptions returns the program's subscriptions, each with what it was before. One that is new, or was left out of the earlier
// reading, has no rate if that may be either.
func (p *Program) subscriptions(whose Span) []subscription {
	previous := p.previous()
	before := make(map[string]bus.SubscriptionStatistics)
	for _, one := range previous.Statistics.Subscriptions {
		before[one.ID] = one
	}
	var rows []subscription
	for _, after := range p.After.Statistics.Subscriptions {
		row := subscription{program: p, whose: whose, before: before[after.ID], after: after}
		if row.before.Matched > after.Matched {
			row.before = bus.SubscriptionStatistics{} // another subscription of the same name
		}
		if _, known := before[after.ID]; !known && previous.SubscriptionsOmitted != nil {
			row.before = after
		}
		row.perSecond = p.perSecond(row.before.Matched, after.Matched)
		rows = append(rows, row)
	}
	return rows
}

// nearlyFull is from which part of its capacity on a queue is a warning.
const nearlyFull = 0.8

func (s *subscription) cells() Line {
	one := s.after
	queued := Plain
	switch full := float64(one.Queued) / float64(max(one.QueueCapacity, 1)); {
	case one.FullFor > 0:
		queued = Bad
	case full >= nearlyFull:
		queued = Warn
	}
	lag := ""
	if one.Lag > 0 {
		lag = Short(one.Lag)
	}
	policy, circuit := show.Escape(one.Overflow.String()), Plain
	if one.Circuit != "" {
		policy += " " + show.Escape(string(one.Circuit))
		if one.Circuit != bus.CircuitClosed {
			circuit = Bad
		}
	}
	return Line{
		{show.Quote(one.ID), Plain}, s.whose, {rate(s.perSecond), Plain}, {count(one.Delivered), Plain},
		{count(one.Queued), queued}, {strconv.Itoa(one.QueueCapacity), Faint}, {count(one.HighWater), Plain}, {lag, Plain},
		{count(one.Dropped), alarm(s.before.Dropped, one.Dropped)}, {count(one.Lost), alarm(s.before.Lost, one.Lost)},
		{strings.ReplaceAll(one.Drops.String(), "=", " "), alarm(s.before.Dropped, one.Dropped)}, {policy, circuit},
	}
}

func count(n uint64) string { return strconv.FormatUint(n, 10) }

// omitted returns a line about the subscriptions that are not in the tables, if there are any.
func omitted(programs []Program) []Line {
	var lines []Line
	for _, p := range programs {
		if rest := p.After.SubscriptionsOmitted; rest != nil && rest.Count > 0 {
			lines = append(lines, Line{{fmt.Sprintf("and %d more of %s: delivered %d, queued %d, dropped %d, lost %d",
				rest.Count, p.name(), rest.Delivered, rest.Queued, rest.Dropped, rest.Lost), Faint}})
		}
	}
	return lines
}
