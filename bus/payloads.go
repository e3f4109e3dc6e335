package bus

import (
	"fmt"
	"math"
	"time"

	"github.com/tinylib/msgp/msgp"

	"github.com/daemoneye/eventbus/subjects"
)

//go:generate go tool msgp -io=false -tests=false -o payloads_gen.go

//msgp:newtime
//msgp:timezone utc
//msgp:limit arrays:65536
//msgp:ignore EventType
//msgp:shim Priority as:string using:string/Priority
//msgp:shim Health as:string using:string/Health

// maxArguments is the arrays limit of the generated decoder, checked before an event leaves as well.
const maxArguments = 65536

// EventType names what a payload is, on the wire and in filters.
type EventType string

// The event types of this version. An event of another type arrives as [Raw].
const (
	TypeProcess     EventType = "process"
	TypeNetwork     EventType = "network"
	TypeFilesystem  EventType = "filesystem"
	TypePerformance EventType = "performance"
	TypeTrigger     EventType = "trigger"
	TypeHealth      EventType = "health"
)

// Payload is what an event carries: a pointer to one of the event types of this file, or a [*Raw]. The interface is closed,
// because a type that only one of two processes knows would tell the buses apart; [Raw] is the way for types of
// one's own.
//
// To add an event type, write it in this file with its methods and its line in payloadTypes, and run go generate.
type Payload interface {
	// Type returns the type's name on the wire.
	Type() EventType
	// Validate checks the payload. It returns an [*InvalidError].
	Validate() error

	msgp.Marshaler
	msgp.Sizer

	pid() *uint32
	meta() Metadata
	// inUTC returns a copy with all times in UTC: what JSON shows does not depend on the publisher's time zone.
	inUTC() any
}

// payloadType is what the bus needs to know of an event type beside its methods.
type payloadType struct {
	name  EventType
	topic string // where it is published by default
	new   func() decodable
}

type decodable interface {
	Payload
	aliased
}

// payloadTypes lists the event types. It is an array of six: a search beats a map.
var payloadTypes = [...]payloadType{
	{TypeProcess, subjects.ProcessLifecycle, func() decodable { return new(ProcessEvent) }},
	{TypeNetwork, subjects.NetworkConnections, func() decodable { return new(NetworkEvent) }},
	{TypeFilesystem, subjects.FilesystemOperations, func() decodable { return new(FilesystemEvent) }},
	{TypePerformance, subjects.PerformanceUtilization, func() decodable { return new(PerformanceEvent) }},
	{TypeTrigger, subjects.ControlTriggerRequest, func() decodable { return new(TriggerRequest) }},
	{TypeHealth, subjects.ControlHealthStatus, func() decodable { return new(HealthEvent) }},
}

// lookupType returns the entry of a type, nil if this version does not know it. The name may be bytes of a message: no
// string is made of it.
func lookupType[T ~string | ~[]byte](name T) *payloadType {
	for i := range payloadTypes {
		if string(payloadTypes[i].name) == string(name) {
			return &payloadTypes[i]
		}
	}
	return nil
}

// DefaultTopic returns the topic on which events of that type are published unless they name another; "" for a type that
// this version does not know.
func (t EventType) DefaultTopic() string {
	if p := lookupType(t); p != nil {
		return p.topic
	}
	return ""
}

// ProcessEvent is a process that was seen, changed or ended. Pointers, empty texts and zero times are absent on the wire:
// the operating system did not say.
type ProcessEvent struct {
	PID            uint32    `msg:"pid" json:"pid"`
	PPID           *uint32   `msg:"ppid,omitempty" json:"ppid,omitempty"`
	Name           string    `msg:"name" json:"name"`
	ExecutablePath string    `msg:"executable_path,omitempty" json:"executable_path,omitempty"`
	CommandLine    []string  `msg:"command_line,omitempty" json:"command_line,omitempty"`
	StartTime      time.Time `msg:"start_time,omitempty" json:"start_time,omitzero"`
	CPUUsage       *float64  `msg:"cpu_usage,omitempty" json:"cpu_usage,omitempty"`       // percent of one core
	MemoryUsage    *uint64   `msg:"memory_usage,omitempty" json:"memory_usage,omitempty"` // resident bytes
	ExecutableHash string    `msg:"executable_hash,omitempty" json:"executable_hash,omitempty"`
	HashAlgorithm  string    `msg:"hash_algorithm,omitempty" json:"hash_algorithm,omitempty"` // set if and only if ExecutableHash is
	UserID         string    `msg:"user_id,omitempty" json:"user_id,omitempty"`
	Accessible     bool      `msg:"accessible" json:"accessible"`   // the collector could read the process's details
	FileExists     bool      `msg:"file_exists" json:"file_exists"` // the executable is still at its path
	Timestamp      time.Time `msg:"timestamp" json:"timestamp"`     // of the observation
	Metadata       Metadata  `msg:"metadata,omitzero" json:"metadata,omitzero"`
}

// Type implements [Payload].
func (*ProcessEvent) Type() EventType  { return TypeProcess }
func (p *ProcessEvent) pid() *uint32   { return &p.PID }
func (p *ProcessEvent) meta() Metadata { return p.Metadata }
func (p *ProcessEvent) inUTC() any {
	c := *p
	c.StartTime, c.Timestamp = c.StartTime.UTC(), c.Timestamp.UTC()
	return &c
}

// Validate implements [Payload].
func (p *ProcessEvent) Validate() error {
	switch {
	case p == nil:
		return nilPayload(TypeProcess)
	case (p.ExecutableHash == "") != (p.HashAlgorithm == ""):
		return &InvalidError{
			Field: "payload.executable_hash", Value: p.ExecutableHash,
			Reason: fmt.Sprintf("hash and algorithm (%q) come together or not at all", p.HashAlgorithm),
		}
	case p.CPUUsage != nil && !finite(*p.CPUUsage):
		return notFinite("payload.cpu_usage", *p.CPUUsage)
	case len(p.CommandLine) > maxArguments:
		return &InvalidError{
			Field: "payload.command_line", Value: fmt.Sprint(len(p.CommandLine), " arguments"),
			Reason: fmt.Sprintf("at most %d allowed", maxArguments),
		}
	}
	if err := validTime("payload.start_time", p.StartTime); err != nil {
		return err
	}
	return validateCommon(p.Timestamp, p.Metadata)
}

// NetworkEvent is a connection that was opened, closed or counted.
type NetworkEvent struct {
	ConnectionID  string    `msg:"connection_id" json:"connection_id"`
	Protocol      string    `msg:"protocol" json:"protocol"`       // tcp, udp, …
	LocalAddr     string    `msg:"local_addr" json:"local_addr"`   // host:port
	RemoteAddr    string    `msg:"remote_addr" json:"remote_addr"` // host:port
	State         string    `msg:"state" json:"state"`             // the operating system's name of it, in lower case
	PID           *uint32   `msg:"pid,omitempty" json:"pid,omitempty"`
	BytesSent     *uint64   `msg:"bytes_sent,omitempty" json:"bytes_sent,omitempty"`
	BytesReceived *uint64   `msg:"bytes_received,omitempty" json:"bytes_received,omitempty"`
	Timestamp     time.Time `msg:"timestamp" json:"timestamp"`
	Metadata      Metadata  `msg:"metadata,omitzero" json:"metadata,omitzero"`
}

// Type implements [Payload].
func (*NetworkEvent) Type() EventType  { return TypeNetwork }
func (n *NetworkEvent) pid() *uint32   { return n.PID }
func (n *NetworkEvent) meta() Metadata { return n.Metadata }
func (n *NetworkEvent) inUTC() any {
	c := *n
	c.Timestamp = c.Timestamp.UTC()
	return &c
}

// Validate implements [Payload].
func (n *NetworkEvent) Validate() error {
	if n == nil {
		return nilPayload(TypeNetwork)
	}
	return validateCommon(n.Timestamp, n.Metadata)
}

// FilesystemEvent is something that was done to a file.
type FilesystemEvent struct {
	Path        string    `msg:"path" json:"path"`
	Operation   string    `msg:"operation" json:"operation"` // create, write, remove, rename, chmod, …
	PID         *uint32   `msg:"pid,omitempty" json:"pid,omitempty"`
	Size        *uint64   `msg:"size,omitempty" json:"size,omitempty"`               // bytes
	Permissions string    `msg:"permissions,omitempty" json:"permissions,omitempty"` // octal, as in 0644
	FileHash    string    `msg:"file_hash,omitempty" json:"file_hash,omitempty"`
	Timestamp   time.Time `msg:"timestamp" json:"timestamp"`
	Metadata    Metadata  `msg:"metadata,omitzero" json:"metadata,omitzero"`
}

// Type implements [Payload].
func (*FilesystemEvent) Type() EventType  { return TypeFilesystem }
func (f *FilesystemEvent) pid() *uint32   { return f.PID }
func (f *FilesystemEvent) meta() Metadata { return f.Metadata }
func (f *FilesystemEvent) inUTC() any {
	c := *f
	c.Timestamp = c.Timestamp.UTC()
	return &c
}

// Validate implements [Payload].
func (f *FilesystemEvent) Validate() error {
	if f == nil {
		return nilPayload(TypeFilesystem)
	}
	return validateCommon(f.Timestamp, f.Metadata)
}

// PerformanceEvent is one measured value.
type PerformanceEvent struct {
	MetricName string    `msg:"metric_name" json:"metric_name"`
	Value      float64   `msg:"value" json:"value"`
	Unit       string    `msg:"unit" json:"unit"`
	Component  string    `msg:"component" json:"component"`
	PID        *uint32   `msg:"pid,omitempty" json:"pid,omitempty"`
	Timestamp  time.Time `msg:"timestamp" json:"timestamp"`
	Metadata   Metadata  `msg:"metadata,omitzero" json:"metadata,omitzero"`
}

// Type implements [Payload].
func (*PerformanceEvent) Type() EventType  { return TypePerformance }
func (p *PerformanceEvent) pid() *uint32   { return p.PID }
func (p *PerformanceEvent) meta() Metadata { return p.Metadata }
func (p *PerformanceEvent) inUTC() any {
	c := *p
	c.Timestamp = c.Timestamp.UTC()
	return &c
}

// Validate implements [Payload].
func (p *PerformanceEvent) Validate() error {
	if p == nil {
		return nilPayload(TypePerformance)
	}
	if !finite(p.Value) {
		return notFinite("payload.value", p.Value)
	}
	return validateCommon(p.Timestamp, p.Metadata)
}

// AnalysisType is what a trigger asks for: one of the constants, or a collector's own name for something else.
type AnalysisType string

// The analysis types that every collector knows the meaning of.
const (
	AnalysisBinaryHash AnalysisType = "binary_hash"
	AnalysisMemory     AnalysisType = "memory_analysis"
	AnalysisYARA       AnalysisType = "yara_scan"
	AnalysisNetwork    AnalysisType = "network_analysis"
	AnalysisBehavioral AnalysisType = "behavioral_analysis"
)

// MaxTriggerMetadata is the number of metadata entries that a trigger request may have.
const MaxTriggerMetadata = 100

// TriggerRequest asks a collector to look closer at a process or a file.
type TriggerRequest struct {
	TriggerID       string       `msg:"trigger_id" json:"trigger_id"`
	TargetCollector string       `msg:"target_collector" json:"target_collector"`
	AnalysisType    AnalysisType `msg:"analysis_type" json:"analysis_type"`
	Priority        Priority     `msg:"priority,omitempty" json:"priority,omitempty"` // empty is PriorityNormal
	TargetPID       *uint32      `msg:"target_pid,omitempty" json:"target_pid,omitempty"`
	TargetPath      string       `msg:"target_path,omitempty" json:"target_path,omitempty"`
	CorrelationID   string       `msg:"correlation_id" json:"correlation_id"`
	Metadata        Metadata     `msg:"metadata,omitzero" json:"metadata,omitzero"`
	Timestamp       time.Time    `msg:"timestamp" json:"timestamp"`
}

// Type implements [Payload].
func (*TriggerRequest) Type() EventType  { return TypeTrigger }
func (t *TriggerRequest) pid() *uint32   { return t.TargetPID }
func (t *TriggerRequest) meta() Metadata { return t.Metadata }
func (t *TriggerRequest) inUTC() any {
	c := *t
	c.Timestamp = c.Timestamp.UTC()
	return &c
}

// Validate implements [Payload].
func (t *TriggerRequest) Validate() error {
	if t == nil {
		return nilPayload(TypeTrigger)
	}
	required := [...]struct{ field, value string }{
		{"trigger_id", t.TriggerID}, {"target_collector", t.TargetCollector},
		{"analysis_type", string(t.AnalysisType)}, {"correlation_id", t.CorrelationID},
	}
	for _, r := range required {
		if r.value == "" {
			return &InvalidError{Field: "payload." + r.field, Reason: "must not be empty"}
		}
	}
	if len(t.CorrelationID) > MaxCorrelationID {
		return tooLong("payload.correlation_id", t.CorrelationID, MaxCorrelationID)
	}
	if t.TargetPID == nil && t.TargetPath == "" {
		return &InvalidError{Field: "payload.target_path", Reason: "a trigger needs a target_pid or a target_path"}
	}
	if !t.Priority.Valid() {
		return &InvalidError{Field: "payload.priority", Value: string(t.Priority), Reason: "must be low, normal, high or critical"}
	}
	if len(t.Metadata) > MaxTriggerMetadata {
		return metadataLimit("payload.metadata", len(t.Metadata), MaxTriggerMetadata)
	}
	return validateCommon(t.Timestamp, t.Metadata)
}

// HealthEvent is a heartbeat, or a change of how a component is. Heartbeats are on control.health.heartbeat.{id}, changes on the
// default topic.
type HealthEvent struct {
	// ID is the component that this is about, which need not be the one that has published it.
	ID     string `msg:"id" json:"id"`
	Status Health `msg:"status" json:"status"`
	// Interval is the time between its heartbeats, in nanoseconds; 0 if there are none.
	Interval time.Duration `msg:"interval_ns" json:"interval_ns"`
	// Published, Dropped, Lost and Unsent are its counters, as in Statistics.
	Published uint64    `msg:"published" json:"published"`
	Dropped   uint64    `msg:"dropped" json:"dropped"`
	Lost      uint64    `msg:"lost" json:"lost"`
	Unsent    uint64    `msg:"unsent" json:"unsent"`
	Timestamp time.Time `msg:"timestamp" json:"timestamp"`
	Metadata  Metadata  `msg:"metadata,omitzero" json:"metadata,omitzero"`
}

// Type implements [Payload].
func (*HealthEvent) Type() EventType  { return TypeHealth }
func (*HealthEvent) pid() *uint32     { return nil }
func (h *HealthEvent) meta() Metadata { return h.Metadata }
func (h *HealthEvent) inUTC() any {
	c := *h
	c.Timestamp = c.Timestamp.UTC()
	return &c
}

// Validate implements [Payload].
func (h *HealthEvent) Validate() error {
	switch {
	case h == nil:
		return nilPayload(TypeHealth)
	case h.ID == "":
		return &InvalidError{Field: "payload.id", Reason: "must not be empty"}
	case !h.Status.Valid():
		return &InvalidError{Field: "payload.status", Value: string(h.Status), Reason: "must be healthy, degraded, stopping or missing"}
	case h.Interval < 0:
		return &InvalidError{Field: "payload.interval_ns", Value: h.Interval.String(), Reason: "must not be negative"}
	}
	return validateCommon(h.Timestamp, h.Metadata)
}

// validateCommon checks what every event type has.
func validateCommon(timestamp time.Time, metadata Metadata) error {
	if err := validTime("payload.timestamp", timestamp); err != nil {
		return err
	}
	return metadata.validate("payload.metadata", MaxMetadataKey, MaxMetadataValue)
}

func nilPayload(t EventType) error {
	return &InvalidError{Field: "payload", Value: "nil", Reason: fmt.Sprintf("a nil pointer is no %s event", t)}
}

// finite reports whether JSON, and any detector's arithmetic, can do something with the value.
func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func notFinite(field string, v float64) error {
	return &InvalidError{Field: field, Value: fmt.Sprint(v), Reason: "must be a finite number"}
}
