package subjects

import "strings"

// CollectorTaskFor returns the topic of tasks of a type for one collector:
// control.collector.task.{taskType}.{id}.
//
// It and the functions like it return an [*Error] that names the part at fault
// if a part is not a segment or the topic becomes too long. In particular a
// part cannot hold a dot or a wildcard, so an ID that comes from elsewhere
// cannot reach another topic than the one meant.
func CollectorTaskFor(taskType, id string) (string, error) {
	return Under(ControlCollectorTask).Add("task type", taskType).Add("collector id", id).Topic()
}

// CollectorLifecycleFor returns the topic of lifecycle orders for one
// collector: control.collector.lifecycle.{id}.
func CollectorLifecycleFor(id string) (string, error) {
	return Under(ControlCollectorLifecycle).Add("collector id", id).Topic()
}

// CollectorConfigFor returns the topic of configuration for one collector:
// control.collector.config.{id}.
func CollectorConfigFor(id string) (string, error) {
	return Under(ControlCollectorConfig).Add("collector id", id).Topic()
}

// HeartbeatFor returns the topic of the heartbeats of one component:
// control.health.heartbeat.{id}.
func HeartbeatFor(id string) (string, error) {
	return Under(ControlHealthHeartbeat).Add("component id", id).Topic()
}

// StatusFor returns the topic on which one component is asked how it is:
// control.health.status.{id}.
func StatusFor(id string) (string, error) {
	return Under(ControlHealthStatus).Add("component id", id).Topic()
}

// DiagnosticsFor returns the topic on which one component is asked for its
// counters: control.health.diagnostics.{id}.
func DiagnosticsFor(id string) (string, error) {
	return Under(ControlHealthDiagnostics).Add("component id", id).Topic()
}

// ShutdownFor returns the topic of orders to shut one component down:
// control.shutdown.{id}.
func ShutdownFor(id string) (string, error) {
	return Under(ControlShutdown).Add("component id", id).Topic()
}

// Builder puts a topic together from a fixed beginning and parts that are known
// only at run time. It is a value: Add returns a new Builder and leaves the old
// one as it was. The first error stays until Topic returns it.
type Builder struct {
	topic string
	err   *Error
}

// Under starts a topic with one or more segments, as a rule a constant of this
// package.
func Under(beginning string) Builder { return Builder{topic: beginning} }

// Add appends one segment. The name says in an error which part was wrong.
func (b Builder) Add(name, segment string) Builder {
	if b.err != nil {
		return b
	}
	start := len(b.topic) + len(".")
	ordinal := strings.Count(b.topic, ".") + 2
	b.topic += "." + segment
	if err := checkSegment("topic", b.topic, start, len(b.topic), ordinal); err != nil {
		err.Reason = name + ": " + err.Reason
		b.err = err
	}
	return b
}

// Topic returns the finished topic, or an [*Error] of kind "topic" if a part
// was not a segment or the whole is not a topic.
func (b Builder) Topic() (string, error) {
	if b.err != nil {
		return "", b.err
	}
	if err := ValidateTopic(b.topic); err != nil {
		return "", err
	}
	return b.topic, nil
}
