// Package report turns what running programs count into lines for people: what they are, how much flows, what waits in which queue, what
// was dropped and lost.
//
// # Use
//
//	program := report.Program{Status: status, Before: before, After: after}
//	fmt.Print(report.Render(report.Sheet(program, report.Order{}), color))
//
// A [Program] has two readings of its counters, of which rates are made; without the first one they are averages since its start.
//
// # Trust
//
// Names come from programs on the bus, and stand in the lines with escapes for what cannot be seen (package show).
//
// # Concurrency
//
// Everything here is a function of values, and may be called from any goroutine.
package report
