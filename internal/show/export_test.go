package show

import "io"

// NewTerminal returns a console on a terminal that is as wide as width says.
func NewTerminal(out io.Writer, width func() int) *Console { return &Console{out: out, width: width} }
