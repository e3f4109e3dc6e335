// Package collect watches this host and publishes what it sees as events: processes, network connections, files and performance.
//
// # Use
//
// Each collector is made with the bus that it publishes on, runs until its context ends and leaves nothing behind:
//
//	processes := collect.NewProcesses(b, nil)
//	err := processes.Run(ctx)
//
// What there is to see:
//
//	collector          name (the source of its events)  topics
//	NewProcesses       process                          events.process.lifecycle, events.process.metadata
//	NewConnections     network                          events.network.connections, events.network.traffic if wanted
//	NewFiles           filesystem                       events.filesystem.operations, events.filesystem.bulk
//	NewPerformance     performance                      events.performance.utilization, events.performance.system
//
// # What an event says
//
// The first scan reports what is already there, later ones what is new, different or gone. The payload's metadata says which, under
// the key [Action]; an event of a change also names the fields that changed, under [Changed]. A file event says it in its
// operation.
//
// A field that the operating system does not give, or not to this user, is absent and never zero. Texts of the host are
// anybody's: they arrive as valid UTF-8 (what is not is replaced by U+FFFD) and are bounded, and an event names the texts that
// were cut under [Truncated]. They may still hold control characters; whoever prints them has to escape them.
//
// # What is missed
//
// Processes, connections and performance are looked at in intervals: what begins and ends between two scans is not seen. Files are
// reported by the operating system; when its queue overflows, an event says so and the paths are scanned again.
//
// # Concurrency and errors
//
// Scans of one collector never overlap: one that takes longer than the interval is logged and the next one follows at once. All
// methods may be called from any goroutine. Run keeps its state to itself, so it may be called again after it returned, and
// then reports from the beginning.
//
// An event that the bus refuses is logged, at most once in ten seconds, counted in [Statistics], and given up. Run ends without
// an error when its context ends or the bus is shut down. It returns an error only if it cannot begin: a scan that fails later is
// logged, and the next one tries again.
package collect
