package bus

import (
	"maps"

	"github.com/google/uuid"
)

//go:generate go tool msgp -io=false -tests=false -o correlation_gen.go

// Limits of a correlation, in bytes but for the number of tags. They bound what one event makes every
// receiver keep and compare.
const (
	MaxCorrelationID    = 256
	MaxCorrelationStage = 128
	MaxCorrelationTags  = 64
	MaxTagKey           = 128
	MaxTagValue         = 1024
)

// Correlation ties an event to the ones that it follows from: a workflow is a tree of correlations with one root. The
// identifiers are any text of up to MaxCorrelationID bytes.
type Correlation struct {
	// ID names this step. Publish makes one up if it is empty.
	ID string `msg:"correlation_id,omitempty" json:"correlation_id"`
	// ParentID is the ID of the step that caused this one; empty at the root.
	ParentID string `msg:"parent_id,omitempty" json:"parent_id,omitempty"`
	// RootID is the ID of the first step. Publish sets it to ID if it is empty.
	RootID string `msg:"root_id,omitempty" json:"root_id,omitempty"`
	// TraceID and SpanID are those of a distributed trace (W3C Trace Context), if there is one.
	TraceID string `msg:"trace_id,omitempty" json:"trace_id,omitempty"`
	SpanID  string `msg:"span_id,omitempty" json:"span_id,omitempty"`
	// Sequence is the number of steps from the root, which has 0.
	Sequence uint64 `msg:"sequence,omitempty" json:"sequence"`
	// Stage names the part of the workflow, at most MaxCorrelationStage bytes.
	Stage string `msg:"stage,omitempty" json:"stage,omitempty"`
	// Tags are inherited by children; at most MaxCorrelationTags of MaxTagKey and MaxTagValue bytes.
	Tags Metadata `msg:"tags,omitzero" json:"tags,omitzero"`
}

// NewCorrelation returns the root of a new workflow.
func NewCorrelation() Correlation {
	id := uuid.New().String()
	return Correlation{ID: id, RootID: id}
}

// Child returns the correlation of a step that follows from c: a new ID, c as the parent, and c's root, trace, stage and tags.
// The tags are copied, so that changing the child's does not change the parent's.
func (c Correlation) Child() Correlation {
	child := c
	child.ID = uuid.New().String()
	child.ParentID = c.ID
	if child.RootID == "" {
		child.RootID = c.ID
	}
	child.Sequence++
	child.Tags = maps.Clone(c.Tags)
	return child
}

// Validate checks the limits. It returns an [*InvalidError].
func (c *Correlation) Validate() error {
	if max(len(c.ID), len(c.ParentID), len(c.RootID), len(c.TraceID), len(c.SpanID)) > MaxCorrelationID {
		return c.tooLongID()
	}
	if len(c.Stage) > MaxCorrelationStage {
		return tooLong("correlation.stage", c.Stage, MaxCorrelationStage)
	}
	if len(c.Tags) > MaxCorrelationTags {
		return metadataLimit("correlation.tags", len(c.Tags), MaxCorrelationTags)
	}
	return c.Tags.validate("correlation.tags", MaxTagKey, MaxTagValue)
}

// tooLongID returns the error for an identifier above the limit.
func (c *Correlation) tooLongID() error {
	for _, id := range [...]struct{ field, value string }{
		{"correlation_id", c.ID}, {"parent_id", c.ParentID}, {"root_id", c.RootID}, {"trace_id", c.TraceID}, {"span_id", c.SpanID},
	} {
		if len(id.value) > MaxCorrelationID {
			return tooLong("correlation."+id.field, id.value, MaxCorrelationID)
		}
	}
	return nil
}
