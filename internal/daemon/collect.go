package daemon

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/daemoneye/eventbus"
)

// Collect is the table [collect] of a configuration: what a collector watches, and how often.
type Collect struct {
	Processes       bool          `toml:"processes"`
	ProcessInterval time.Duration `toml:"process_interval"`
	ProcessHashes   bool          `toml:"process_hashes"` // hash the executables

	Connections        bool          `toml:"connections"`
	ConnectionInterval time.Duration `toml:"connection_interval"`
	ConnectionTraffic  bool          `toml:"connection_traffic"` // report byte counts as they change

	Files         bool     `toml:"files"`
	FilePaths     []string `toml:"file_paths"`     // empty are the usual places
	FileRecursive bool     `toml:"file_recursive"` // with all directories below

	Performance         bool          `toml:"performance"`
	PerformanceInterval time.Duration `toml:"performance_interval"`
}

// DefaultCollect returns the defaults.
func DefaultCollect() Collect {
	return Collect{
		Processes: true, ProcessInterval: time.Second, ProcessHashes: true,
		Connections: true, ConnectionInterval: 5 * time.Second,
		Files:       true,
		Performance: true, PerformanceInterval: 5 * time.Second,
	}
}

// minScanInterval bounds the intervals of the collectors: more often, they would be what uses up the host.
const minScanInterval = 100 * time.Millisecond

// Validate is called by [eventbus.Load].
func (c *Collect) Validate() error {
	var problems []error
	refuse := func(key, value, reason string) {
		problems = append(problems, &eventbus.ConfigError{Key: "collect." + key, Value: value, Reason: reason})
	}
	for _, interval := range []struct {
		key   string
		value time.Duration
	}{
		{"process_interval", c.ProcessInterval}, {"connection_interval", c.ConnectionInterval}, {"performance_interval", c.PerformanceInterval},
	} {
		if interval.value < minScanInterval {
			refuse(interval.key, interval.value.String(), fmt.Sprintf("must be at least %v", minScanInterval))
		}
	}
	if slices.Contains(c.FilePaths, "") {
		refuse("file_paths", fmt.Sprintf("%q", c.FilePaths), "a path is empty")
	}
	if !c.Processes && !c.Connections && !c.Files && !c.Performance {
		problems = append(problems, &eventbus.ConfigError{Key: "collect", Reason: "every collector is off, so there is nothing to do"})
	}
	return errors.Join(problems...)
}
