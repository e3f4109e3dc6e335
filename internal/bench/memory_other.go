//go:build !linux

package bench

// residentSize is not measured on this system.
func residentSize() (now, peak uint64) { return 0, 0 }
