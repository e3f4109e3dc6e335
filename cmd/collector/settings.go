package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/internal/daemon"
	"github.com/daemoneye/eventbus/observe"
)

// settings are the whole configuration of the program.
type settings struct {
	Bus     eventbus.Config
	Collect collectTable
	Log     daemon.Log
	HTTP    httpTable
	Health  daemon.Health
}

// tables returns the tables of the file that the settings are.
func (s *settings) tables() (*eventbus.Config, []eventbus.Section) {
	return &s.Bus, []eventbus.Section{
		{Name: "collect", Into: &s.Collect}, {Name: "log", Into: &s.Log}, {Name: "http", Into: &s.HTTP}, {Name: "health", Into: &s.Health},
	}
}

// collectTable is the table [collect]: what is watched, and how often.
type collectTable struct {
	Processes       bool          `toml:"processes"`
	ProcessInterval time.Duration `toml:"process_interval"`
	ProcessHashes   bool          `toml:"process_hashes"` // hash the executables

	Connections        bool          `toml:"connections"`
	ConnectionInterval time.Duration `toml:"connection_interval"`
	ConnectionTraffic  bool          `toml:"connection_traffic"` // report byte counts as they change

	Files         bool     `toml:"files"`
	FilePaths     []string `toml:"file_paths"`     // empty is defaultPaths
	FileRecursive bool     `toml:"file_recursive"` // with all directories below

	Performance         bool          `toml:"performance"`
	PerformanceInterval time.Duration `toml:"performance_interval"`
}

// httpTable is the table [http]: metrics and health.
type httpTable struct {
	Listen string `toml:"listen"` // a loopback address; empty is none
	Pprof  bool   `toml:"pprof"`  // with profiles
}

func defaultSettings() settings {
	return settings{
		Collect: collectTable{
			Processes: true, ProcessInterval: time.Second, ProcessHashes: true,
			Connections: true, ConnectionInterval: 5 * time.Second,
			Files:       true,
			Performance: true, PerformanceInterval: 5 * time.Second,
		},
		Log: daemon.DefaultLog(), Health: daemon.DefaultHealth(),
	}
}

// loadSettings reads the file and the environment, and puts the flags on top.
func loadSettings(f flags) (settings, []eventbus.Warning, error) {
	s := defaultSettings()
	_, sections := s.tables()
	config, warnings, err := f.Load(sections...)
	if err != nil {
		return s, nil, err
	}
	s.Bus = config
	return s, warnings, s.override(f)
}

// override puts the flags on top.
func (s *settings) override(f flags) error {
	if f.BusType != "" {
		s.Bus.BusType = eventbus.BusType(f.BusType)
	}
	if f.HTTP != "" {
		s.HTTP.Listen = f.HTTP
		if problem := s.HTTP.problem(); problem != "" {
			return &daemon.UsageError{Reason: fmt.Sprintf("--http %s: %s", f.HTTP, problem)}
		}
	}
	return f.Override(&s.Bus)
}

// minScanInterval bounds the intervals of the collectors: more often, they would be what uses up the host.
const minScanInterval = 100 * time.Millisecond

// Validate is called by [eventbus.Load].
func (c *collectTable) Validate() error {
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

// Validate is called by [eventbus.Load].
func (h *httpTable) Validate() error {
	if problem := h.problem(); problem != "" {
		return &eventbus.ConfigError{Key: "http.listen", Value: fmt.Sprintf("%q", h.Listen), Reason: problem}
	}
	return nil
}

// problem returns what is wrong with the address.
func (h *httpTable) problem() string {
	if h.Listen == "" {
		return ""
	}
	invalid, _ := errors.AsType[*observe.OptionError]((&observe.Options{Listen: h.Listen}).Validate())
	if invalid == nil {
		return ""
	}
	return invalid.Reason
}

// paths returns the files and directories to watch.
func (c collectTable) paths() []string {
	if len(c.FilePaths) > 0 {
		return c.FilePaths
	}
	return defaultPaths()
}

// defaultPaths returns those of the usual places to tamper with a host that are there: its configuration, its own programs,
// and who may log in as this user.
func defaultPaths() []string {
	paths := []string{"/etc", "/usr/local/bin"}
	if runtime.GOOS == "windows" {
		paths = []string{filepath.Join(os.Getenv("SystemRoot"), "System32", "drivers", "etc")}
	}
	if home, err := os.UserHomeDir(); err == nil {
		paths = append(paths, filepath.Join(home, ".ssh"))
	}
	return slices.DeleteFunc(paths, func(path string) bool {
		_, err := os.Stat(path)
		return err != nil
	})
}
