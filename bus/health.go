package bus

// Health is how a component of the system is.
type Health string

// The states of health.
const (
	HealthHealthy  Health = "healthy"
	HealthDegraded Health = "degraded" // events do not get through, or it cannot do a part of its work
	HealthStopping Health = "stopping" // it is about to end, as it should
	HealthMissing  Health = "missing"  // nothing is heard of it, as another component has found
)

// Valid reports whether h is one of the constants.
func (h Health) Valid() bool {
	switch h {
	case HealthHealthy, HealthDegraded, HealthStopping, HealthMissing:
		return true
	}
	return false
}
