package subjects

import (
	"fmt"
	"slices"
)

// The fixed topics on which collectors report what they observe.
const (
	ProcessLifecycle = "events.process.lifecycle"
	ProcessMetadata  = "events.process.metadata"
	ProcessTree      = "events.process.tree"
	ProcessIntegrity = "events.process.integrity"
	ProcessBatch     = "events.process.batch"
	ProcessAnomaly   = "events.process.anomaly"

	NetworkConnections = "events.network.connections"
	NetworkDNS         = "events.network.dns"
	NetworkTraffic     = "events.network.traffic"
	NetworkAnomaly     = "events.network.anomaly"

	FilesystemOperations = "events.filesystem.operations"
	FilesystemAccess     = "events.filesystem.access"
	FilesystemBulk       = "events.filesystem.bulk"
	FilesystemAnomaly    = "events.filesystem.anomaly"

	PerformanceUtilization = "events.performance.utilization"
	PerformanceSystem      = "events.performance.system"
	PerformanceAnomaly     = "events.performance.anomaly"
)

// The fixed topics by which the agent and the collectors are run. Those that
// address one collector are made by functions such as [ShutdownFor].
const (
	ControlCollectorLifecycle    = "control.collector.lifecycle"
	ControlCollectorConfig       = "control.collector.config"
	ControlCollectorTask         = "control.collector.task"
	ControlCollectorRegistration = "control.collector.registration"
	ControlAgentOrchestration    = "control.agent.orchestration"
	ControlAgentPolicy           = "control.agent.policy"
	ControlTriggerRequest        = "control.trigger.request"
	ControlShutdown              = "control.shutdown"
	ControlHealthHeartbeat       = "control.health.heartbeat"
	ControlHealthStatus          = "control.health.status"
	ControlHealthDiagnostics     = "control.health.diagnostics"
)

// Access is how sensitive the topics of an [Entry] are. The zero value is none
// of the levels, so that a forgotten level grants nothing.
type Access uint8

const (
	// Public topics may be read by every client of the bus.
	Public Access = iota + 1
	// Restricted topics are for the agent and the collectors among themselves.
	Restricted
	// Privileged topics carry orders: only the agent publishes them.
	Privileged
)

// String returns the level's name in lower case.
func (a Access) String() string {
	switch a {
	case Public:
		return "public"
	case Restricted:
		return "restricted"
	case Privileged:
		return "privileged"
	}
	return fmt.Sprintf("Access(%d)", uint8(a))
}

// Publisher is who may publish to the topics of an [Entry]. The zero value is
// nobody.
type Publisher uint8

const (
	// ByCollector is the collector that Entry.Collector names, and no other.
	ByCollector Publisher = iota + 1
	// ByComponent is the agent and every collector.
	ByComponent
	// ByAgent is the agent alone.
	ByAgent
)

// String says who the publisher is in a word.
func (p Publisher) String() string {
	switch p {
	case ByCollector:
		return "collector"
	case ByComponent:
		return "component"
	case ByAgent:
		return "agent"
	}
	return fmt.Sprintf("Publisher(%d)", uint8(p))
}

// Entry is a row of the hierarchy: some topics and what is agreed about them.
type Entry struct {
	// Pattern selects the topics. It is literal unless they have variable parts.
	Pattern Pattern
	// Access is how sensitive they are.
	Access Access
	// Publisher is who may publish to them.
	Publisher Publisher
	// Collector is the collector whose observations they carry: "process",
	// "network", "filesystem" or "performance". It is empty for control topics.
	Collector string
}

// Hierarchy returns all rows, events before control topics. No topic is in two
// of them. The slice is the caller's own.
func Hierarchy() []Entry { return slices.Clone(hierarchy[:]) }

// AccessOf returns the access level of a topic, and false if the hierarchy does
// not know the topic.
func AccessOf(topic string) (Access, bool) {
	for i := range hierarchy {
		if hierarchy[i].Pattern.Match(topic) {
			return hierarchy[i].Access, true
		}
	}
	return 0, false
}

// hierarchy is never written. Hierarchy gives out copies of it.
var hierarchy = [...]Entry{
	{fixed(ProcessLifecycle), Restricted, ByCollector, "process"},
	{fixed(ProcessMetadata), Restricted, ByCollector, "process"},
	{fixed(ProcessTree), Restricted, ByCollector, "process"},
	{fixed(ProcessIntegrity), Restricted, ByCollector, "process"},
	{fixed(ProcessBatch), Restricted, ByCollector, "process"},
	{fixed(ProcessAnomaly), Public, ByCollector, "process"},

	{fixed(NetworkConnections), Restricted, ByCollector, "network"},
	{fixed(NetworkDNS), Restricted, ByCollector, "network"},
	{fixed(NetworkTraffic), Restricted, ByCollector, "network"},
	{fixed(NetworkAnomaly), Public, ByCollector, "network"},

	{fixed(FilesystemOperations), Restricted, ByCollector, "filesystem"},
	{fixed(FilesystemAccess), Restricted, ByCollector, "filesystem"},
	{fixed(FilesystemBulk), Restricted, ByCollector, "filesystem"},
	{fixed(FilesystemAnomaly), Public, ByCollector, "filesystem"},

	{fixed(PerformanceUtilization), Restricted, ByCollector, "performance"},
	{fixed(PerformanceSystem), Restricted, ByCollector, "performance"},
	{fixed(PerformanceAnomaly), Public, ByCollector, "performance"},

	{fixed(ControlCollectorLifecycle), Privileged, ByAgent, ""},
	{family(ControlCollectorLifecycle, "+"), Privileged, ByAgent, ""},
	{fixed(ControlCollectorConfig), Privileged, ByAgent, ""},
	{family(ControlCollectorConfig, "+"), Privileged, ByAgent, ""},
	{fixed(ControlAgentOrchestration), Privileged, ByAgent, ""},
	{fixed(ControlAgentPolicy), Privileged, ByAgent, ""},
	{fixed(ControlShutdown), Privileged, ByAgent, ""},
	{family(ControlShutdown, "+"), Privileged, ByAgent, ""},

	{fixed(ControlCollectorTask), Restricted, ByAgent, ""}, // a task is an order
	{family(ControlCollectorTask, "+.+"), Restricted, ByAgent, ""},
	{fixed(ControlCollectorRegistration), Restricted, ByComponent, ""},
	{fixed(ControlTriggerRequest), Restricted, ByComponent, ""},

	{fixed(ControlHealthHeartbeat), Public, ByComponent, ""},
	{family(ControlHealthHeartbeat, "+"), Public, ByComponent, ""},
	{fixed(ControlHealthStatus), Public, ByComponent, ""},
	{family(ControlHealthStatus, "+"), Public, ByComponent, ""},
	{fixed(ControlHealthDiagnostics), Public, ByComponent, ""},
	{family(ControlHealthDiagnostics, "+"), Public, ByComponent, ""},
}

// fixed and family make patterns of text known to be canonical, which saves the
// table the errors of ParsePattern. A test parses each of them again.
func fixed(topic string) Pattern { return Pattern{text: topic, literal: true} }

func family(topic, wildcards string) Pattern { return Pattern{text: topic + "." + wildcards} }
