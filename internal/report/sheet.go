package report

import (
	"slices"

	"github.com/daemoneye/eventbus/control"
	"github.com/daemoneye/eventbus/internal/show"
)

// Sheet returns all that is known of a program.
func Sheet(p Program, order Order) []Line {
	lines := append([]Line{p.title()}, reasons(&p)...)
	if trouble := p.trouble(); trouble != nil {
		lines = append(lines, trouble)
	}
	totals := p.totals()
	lines = append(append(lines, nil), totals.Lines()...)
	return append(lines, tables([]Program{p}, order)...)
}

// reasons returns why a program is not healthy, by its own word.
func reasons(p *Program) []Line {
	var lines []Line
	for _, reason := range p.Status.Reasons {
		lines = append(lines, Line{{"  " + show.Escape(reason), Bad}})
	}
	return lines
}

// totals returns what the whole bus of the program has done.
func (p *Program) totals() Table {
	rates, before, after := p.Rates(), p.previous().Statistics, p.After.Statistics
	table := Table{Columns: []Column{{Title: ""}}}
	for _, title := range []string{"PUBLISHED", "RECEIVED", "DELIVERED", "DROPPED", "LOST", "QUEUED"} {
		table.Columns = append(table.Columns, Column{Title: title, Right: true})
	}
	if p.previous().Statistics.Uptime > 0 {
		table.Rows = append(table.Rows, Line{
			{"per second", Plain}, {rate(rates.Published), Plain}, {rate(rates.Received), Plain}, {rate(rates.Delivered), Plain},
			{rate(rates.Dropped), alarm(before.Dropped, after.Dropped)}, {rate(rates.Lost), alarm(before.Lost, after.Lost)}, {},
		})
	}
	table.Rows = append(table.Rows, Line{
		{"since start", Plain}, {count(after.Published), Plain}, {count(after.Received), Plain}, {count(after.Delivered), Plain},
		{count(after.Dropped), alarm(before.Dropped, after.Dropped)}, {count(after.Lost), alarm(before.Lost, after.Lost)},
		{count(after.Queued), Plain},
	})
	return table
}

// tables returns the tables on what the programs have, each behind an empty line; those without rows are left out.
func tables(programs []Program, order Order) []Line {
	var lines []Line
	add := func(table Table, more []Line) {
		if len(table.Rows)+len(more) > 0 {
			lines = slices.Concat(lines, []Line{nil}, table.Lines(), more)
		}
	}
	add(Subscriptions(programs, order), omitted(programs))
	add(Topics(programs, order), omittedTopics(programs))
	add(collectors(programs), nil)
	add(servers(programs), nil)
	return lines
}

// collectors returns the table of the collectors that the programs run.
func collectors(programs []Program) Table {
	table := Table{Columns: []Column{
		{Title: "COLLECTOR"}, {Title: "PROGRAM"}, {Title: "SCANS", Right: true}, {Title: "LAST SCAN", Right: true}, {Title: "EVERY", Right: true},
		{Title: "EVENTS", Right: true}, {Title: "FAILED", Right: true},
	}}
	for i := range programs {
		before := make(map[string]control.CollectorStatistics)
		for _, one := range programs[i].previous().Collectors {
			before[one.Name] = one
		}
		for _, one := range programs[i].After.Collectors {
			every, last := "", ""
			if one.Interval > 0 {
				every = Short(one.Interval)
			}
			if one.Scans > 0 {
				last = Short(one.LastScan)
			}
			table.Rows = append(table.Rows, Line{
				{show.Quote(one.Name), Plain}, whose(programs, i), {count(one.Scans), Plain}, {last, Plain}, {every, Faint},
				{count(one.Events), Plain}, {count(one.Failed), alarm(before[one.Name].Failed, one.Failed)},
			})
		}
	}
	return table
}

// servers returns the table of the servers in the programs' processes.
func servers(programs []Program) Table {
	table := Table{Columns: []Column{{Title: "SERVER"}, {Title: "CLIENTS", Right: true}, {Title: "SUBSCRIPTIONS", Right: true}, {Title: "SLOW CLIENTS", Right: true}}}
	for i := range programs {
		p := &programs[i]
		if server := p.After.Server; server != nil {
			table.Rows = append(table.Rows, Line{
				{p.name(), Plain}, {count(uint64(max(server.Clients, 0))), Plain}, {count(uint64(max(server.Subscriptions, 0))), Plain},
				{count(server.SlowClients), alarm(slowClients(p.previous()), server.SlowClients)},
			})
		}
	}
	return table
}

// whose returns the cell that says whose a row is, which is empty if there is one program only.
func whose(programs []Program, i int) Span {
	if len(programs) == 1 {
		return Span{}
	}
	return Span{programs[i].name(), Faint}
}
