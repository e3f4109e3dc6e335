package bench

import "runtime"

// memory follows the resident size of this process, in bytes.
type memory struct{ bareSize, idleSize uint64 }

// newMemory is called when the work is there and nothing is open.
func newMemory() *memory {
	runtime.GC()
	resident, _ := residentSize()
	return &memory{bareSize: resident}
}

// idle is called when everything is open and waits for the first event.
func (m *memory) idle() {
	runtime.GC()
	m.idleSize, _ = residentSize()
}

func (m *memory) report(r *result) {
	r.BareRSS, r.IdleRSS = m.bareSize, m.idleSize
	_, r.PeakRSS = residentSize()
}
