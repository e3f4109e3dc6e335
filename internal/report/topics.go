package report

import (
	"cmp"
	"fmt"

	"github.com/daemoneye/eventbus/internal/show"
)

// topic is a row of the table of topics.
type topic struct {
	name      string
	published uint64
	perSecond float64
}

// Topics returns the table of what the programs have published, together. Keys that topics have no column for sort them by rate.
func Topics(programs []Program, order Order) Table {
	if order.Key != ByName && order.Key != ByRate && order.Key != "" {
		order = Order{Key: ByRate}
	}
	var rows []topic
	at := make(map[string]int)
	for i := range programs {
		p := &programs[i]
		previous := p.previous()
		before := make(map[string]uint64)
		for _, one := range previous.Topics {
			before[one.Topic] = one.Published
		}
		for _, one := range p.After.Topics {
			index, known := at[one.Topic]
			if !known {
				index = len(rows)
				at[one.Topic] = index
				rows = append(rows, topic{name: one.Topic})
			}
			then, seen := before[one.Topic]
			if !seen && previous.TopicsOmitted != nil {
				then = one.Published
			}
			rows[index].published += one.Published
			rows[index].perSecond += p.perSecond(then, one.Published)
		}
	}
	byName := func(a, b *topic) int { return cmp.Compare(a.name, b.name) }
	compare := byName
	if order.Key == ByRate {
		compare = func(a, b *topic) int { return cmp.Compare(a.perSecond, b.perSecond) }
	}
	sortRows(rows, order, compare, byName)
	table := Table{Columns: []Column{order.column("TOPIC", ByName), order.column("EVENTS/S", ByRate), {Title: "PUBLISHED", Right: true}}}
	for _, row := range rows {
		table.Rows = append(table.Rows, Line{{show.Escape(row.name), Plain}, {rate(row.perSecond), Plain}, {count(row.published), Plain}})
	}
	return table
}

// omittedTopics returns a line about the topics that are not in the table, if there are any.
func omittedTopics(programs []Program) []Line {
	var lines []Line
	for _, p := range programs {
		if rest := p.After.TopicsOmitted; rest != nil && rest.Count > 0 {
			lines = append(lines, Line{{fmt.Sprintf("and %d more of %s: published %d", rest.Count, p.name(), rest.Published), Faint}})
		}
	}
	return lines
}
