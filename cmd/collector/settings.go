package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/internal/daemon"
)

// settings are the whole configuration of the program.
type settings struct {
	Bus     eventbus.Config
	Collect daemon.Collect
	Log     daemon.Log
	HTTP    daemon.HTTP
	Health  daemon.Health
}

// tables returns the tables of the file that the settings are.
func (s *settings) tables() (*eventbus.Config, []eventbus.Section) {
	return &s.Bus, []eventbus.Section{
		{Name: "collect", Into: &s.Collect}, {Name: "log", Into: &s.Log}, {Name: "http", Into: &s.HTTP}, {Name: "health", Into: &s.Health},
	}
}

func defaultSettings() settings {
	return settings{Collect: daemon.DefaultCollect(), Log: daemon.DefaultLog(), HTTP: daemon.DefaultHTTP(), Health: daemon.DefaultHealth()}
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
	if f.BusType != nil {
		s.Bus.BusType = *f.BusType
	}
	if err := f.OverrideHTTP(&s.HTTP); err != nil {
		return err
	}
	return errors.Join(f.OverrideLog(&s.Log), f.Override(&s.Bus))
}

// filePaths returns the files and directories to watch.
func filePaths(c daemon.Collect) []string {
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
