// Package faults holds no code but tests: real processes are killed and stopped, connections cut, garbage sent, and after each
// fault an audit has to balance to the event, nothing may be left behind, and the bus has to go on working.
//
// The test program starts itself again in other roles, see process_test.go. TestSoak mixes the faults at random:
//
//	SOAK=10m go test -count=1 -v -run Soak ./internal/faults
package faults
