// Package examples holds programs to begin with. Each is one file, ends by itself, and is run by the tests of this package:
//
//	go run ./examples/embedded         # a daemon with the bus in it: open, subscribe, publish, shut down
//	go run ./examples/customcollector  # a collector of one's own, by the interfaces of package collect
//	go run ./examples/detector         # a detector that asks for an analysis and follows the correlation to its answer
//	go run ./examples/consumer         # a plain NATS client that uses nothing of this module
//
// The handbook in docs explains them.
package examples
