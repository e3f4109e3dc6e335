package observe

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/daemoneye/eventbus/bus"
)

const namespace = "eventbus"

// Collector is a [prometheus.Collector] of one bus. Make one with [NewCollector].
type Collector struct {
	bus          bus.Bus
	descriptions descriptions

	mu            sync.Mutex // guards what follows, and keeps snapshots in order, so that counters grow
	subscriptions subscriptions
	topics        topics
}

var _ prometheus.Collector = (*Collector)(nil)

// NewCollector returns a collector of a bus. Each scrape takes one snapshot; between scrapes it does nothing. Topics are
// counted if the bus is a [bus.TopicCounter], and its server if it is a [bus.ServerCounter] with one.
func NewCollector(b bus.Bus) *Collector {
	return &Collector{bus: b, descriptions: newDescriptions(), topics: topics{complete: true}}
}

// Describe implements [prometheus.Collector].
func (c *Collector) Describe(out chan<- *prometheus.Desc) {
	for _, description := range c.descriptions.all() {
		out <- description
	}
}

// Collect implements [prometheus.Collector]. It works after the bus's Shutdown as well.
func (c *Collector) Collect(out chan<- prometheus.Metric) {
	for _, metric := range c.scrape() {
		out <- metric
	}
}

// scrape returns all metrics.
func (c *Collector) scrape() []prometheus.Metric {
	c.mu.Lock()
	defer c.mu.Unlock()
	var named map[string]uint64
	var of int
	counter, counts := bus.As[bus.TopicCounter](c.bus)
	if counts {
		named, of = busiest(counter.PublishedByTopic()) // first: what is published in all is hardly ever less then
	}
	statistics := c.bus.Statistics()
	d := &c.descriptions
	s := samples{}
	for _, m := range d.bus {
		s.add(m.description, m.kind, m.value(&statistics))
	}
	s.add(d.build, prometheus.GaugeValue, 1, buildLabels()...)
	c.subscriptions.sample(&s, d, &statistics)
	if counts {
		for topic, n := range c.topics.share(named, of, statistics.Published) {
			s.add(d.topicPublished, prometheus.CounterValue, float64(n), topic)
		}
	}
	if server, ok := bus.As[bus.ServerCounter](c.bus); ok {
		if statistics, ok := server.ServerStatistics(); ok {
			s.add(d.serverClients, prometheus.GaugeValue, float64(statistics.Clients))
			s.add(d.serverSubscriptions, prometheus.GaugeValue, float64(statistics.Subscriptions))
			s.add(d.serverSlowClients, prometheus.CounterValue, float64(statistics.SlowClients))
		}
	}
	return s
}

// samples are the metrics of a scrape.
type samples []prometheus.Metric

func (s *samples) add(description *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
	metric, err := prometheus.NewConstMetric(description, kind, value, labels...)
	if err != nil {
		metric = prometheus.NewInvalidMetric(description, err)
	}
	*s = append(*s, metric)
}

// truth is how metrics say yes.
func truth(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
