package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/collect"
)

// summary is what the closing table tells.
type summary struct {
	bus           bus.Statistics
	subscriptions []bus.SubscriptionStatistics // of this process
	topics        counts                       // published by the collectors
	collectors    []collect.Collector
	discarded     uint64 // queued when the time for the shutdown was over
}

// write writes the table.
func (s summary) write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(format string, values ...any) { fmt.Fprintf(t, format+"\n", values...) } // the error comes with Flush
	row("after %v:", s.bus.Uptime.Round(100*time.Millisecond))
	row("published\treceived\tdelivered\tdropped\tlost\tmalformed\tforged\treconnects")
	row("%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d", s.bus.Published, s.bus.Received, s.bus.Delivered, s.bus.Dropped, s.bus.Lost,
		s.bus.Malformed, s.bus.Forged, s.bus.Reconnects)
	if len(s.topics) > 0 {
		row("\ntopic\tpublished")
	}
	for _, topic := range slices.Sorted(maps.Keys(s.topics)) {
		row("%s\t%d", topic, s.topics[topic])
	}
	if len(s.collectors) > 0 {
		row("\ncollector\tscans\tpublished\tfailed\tlast scan")
	}
	for _, c := range s.collectors {
		one := c.Statistics()
		row("%s\t%d\t%d\t%d\t%v", c.Name(), one.Scans, one.Events, one.Failed, one.LastScan.Round(10*time.Microsecond))
	}
	s.writeSubscriptions(row)
	if s.discarded > 0 {
		row("\n%d events were still queued and had to be discarded", s.discarded)
	}
	return t.Flush()
}

// writeSubscriptions writes the part on the subscriptions of this process. Why events were dropped is a column only if some were.
func (s summary) writeSubscriptions(row func(format string, values ...any)) {
	if len(s.subscriptions) == 0 {
		return
	}
	dropped := slices.ContainsFunc(s.subscriptions, func(one bus.SubscriptionStatistics) bool { return one.Dropped > 0 })
	header := "\nsubscription\tmatched\tdelivered\tdropped\tlost\thigh water"
	if dropped {
		header += "\tdropped by"
	}
	row(header)
	for _, one := range s.subscriptions {
		line := fmt.Sprintf("%s\t%d\t%d\t%d\t%d\t%d", one.ID, one.Matched, one.Delivered, one.Dropped, one.Lost, one.HighWater)
		if dropped {
			line += "\t" + one.Drops.String()
		}
		row("%s", line)
	}
}
