//go:build !linux

package collect

// newProcessReader returns the reader of this host.
func newProcessReader() (processReader, error) { return gopsutil{}, nil }
