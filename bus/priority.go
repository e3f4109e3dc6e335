package bus

// Priority orders trigger requests. The empty value counts as [PriorityNormal].
type Priority string

// The priorities, lowest first.
const (
	PriorityLow      Priority = "low"
	PriorityNormal   Priority = "normal"
	PriorityHigh     Priority = "high"
	PriorityCritical Priority = "critical"
)

// AtLeast reports whether p is as high as q or higher.
func (p Priority) AtLeast(q Priority) bool { return p.rank() >= q.rank() }

func (p Priority) rank() int {
	switch p {
	case PriorityLow:
		return 0
	case PriorityNormal, "":
		return 1
	case PriorityHigh:
		return 2
	case PriorityCritical:
		return 3
	}
	return -1
}

// Valid reports whether p is one of the constants or empty.
func (p Priority) Valid() bool { return p.rank() >= 0 }
