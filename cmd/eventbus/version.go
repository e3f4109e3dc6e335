package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version says what this program was built from, as far as it was built with that knowledge.
func version() string {
	module, revision := "(unknown)", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		module = info.Main.Version
		for _, setting := range info.Settings {
			switch {
			case setting.Key == "vcs.revision":
				revision = " " + setting.Value
			case setting.Key == "vcs.modified" && setting.Value == "true":
				revision += " (modified)"
			}
		}
	}
	return fmt.Sprintf("eventbus %s%s %s %s/%s", module, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// moduleVersion returns the version that this program was built from, or something that is none.
func moduleVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return ""
}
