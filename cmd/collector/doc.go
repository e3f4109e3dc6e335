// Command collector watches this host and publishes what it sees on an event bus: processes, network connections, files and
// performance.
//
// # Use
//
//	collector                                       # embedded NATS server on a unix socket
//	collector --bus-type local --print 'events.#'   # no server: the bus of one process, looked at from inside
//	collector --config collector.toml --listen 127.0.0.1:4222 --duration 1m
//	collector --http 127.0.0.1:9464                 # with a page for the browser, /metrics for Prometheus, /healthz and /readyz
//
// Without a configuration everything is on; collector.example.toml holds every key with its default. What the file says is
// overridden by the environment, and that by the flags.
//
// # Output
//
// Standard output is for the user: where the bus listens, the command that watches it, where the metrics and the page are, the events of
// --print, and at the end a table of the statistics. If it is a terminal (and there is no --print), one line there shows the rates of the
// topics and is redrawn each second. Otherwise the rates are logged at each --interval. The log goes to standard error.
//
// Up to 65536 events of --print wait for a slow reader; what comes then is dropped. The log tells of it, and of what other processes
// published and was lost on its way here, at most once a second.
//
// # Control
//
// Other processes ask it on the bus how it is, what it counts and how it is configured, and hear its heartbeats: docs/control.md. At SIGHUP it
// reads file and environment again. What can be changed while it runs is; for the rest the log says that it needs a restart.
//
// # The end
//
// SIGINT, SIGTERM, the end of --duration and a reader of standard output that has gone away all end it in the same order: the
// collectors stop, what they published is flushed, the bus is shut down, then the HTTP server, the table is printed. The whole takes
// at most --shutdown-timeout. The log says how many of the events that were queued for --print were delivered to it, how many had to
// be discarded, which the table repeats, and how many of the delivered ones the output did not take. A second signal ends the process
// at once; it is also the way out if the terminal that shows the live line is held (Ctrl-S).
//
// To systemd it says when it is ready, when it ends, and, if the service has a watchdog, that its bus is alive (Type=notify): see
// dist/systemd/eventbus-collector.service.
//
// The exit code is 0 after such an end, 1 after an error, which is one line on standard error, 2 if the arguments are wrong, and
// 130 (SIGINT) or 143 (SIGTERM) after a second signal.
package main
