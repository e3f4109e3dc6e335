package daemon

import (
	"errors"
	"fmt"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/observe"
)

// HTTP is the table [http] of a configuration: metrics and health.
type HTTP struct {
	Listen string `toml:"listen"` // a loopback address; empty is none
	Pprof  bool   `toml:"pprof"`  // with profiles
}

// Validate is called by [eventbus.Load].
func (h *HTTP) Validate() error {
	if problem := h.Problem(); problem != "" {
		return &eventbus.ConfigError{Key: "http.listen", Value: fmt.Sprintf("%q", h.Listen), Reason: problem}
	}
	return nil
}

// Problem returns what is wrong with the address, "" if nothing is.
func (h *HTTP) Problem() string {
	if h.Listen == "" {
		return ""
	}
	invalid, _ := errors.AsType[*observe.OptionError]((&observe.Options{Listen: h.Listen}).Validate())
	if invalid == nil {
		return ""
	}
	return invalid.Reason
}
