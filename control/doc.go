// Package control asks running collectors how they are, what they count and how they are configured, and lets a program answer that.
//
// # Use
//
// Whoever asks has a bus, its own or one that is attached to the collector's server:
//
//	status, err := control.Status(ctx, b, "")             // whoever answers first
//	report, err := control.Diagnostics(ctx, b, status.ID, nil)
//	changed, err := control.Configure(ctx, b, status.ID, map[string]any{"log.level": "debug"})
//
// A program that wants to be asked serves:
//
//	service, err := control.Serve(ctx, b, control.Options{ID: "collector-web-1", Program: "collector", Version: "v1.2.3"})
//	…
//	service.Stop()
//
// # Requests
//
// They are [bus.Requester]'s, so they are the same on every bus, in one process and between processes. Data is JSON both ways, which
// any NATS client can write and read. An empty request is {}; a field that the responder does not know is an error that names it.
//
//	topic                          request                answer
//	control.health.status          StatusRequest          StatusReport
//	control.health.diagnostics     DiagnosticsRequest     DiagnosticsReport
//	control.collector.config       ConfigurationRequest   ConfigurationReport
//
// Everybody answers on these topics, and alone on the same ones with its id as another segment: control.health.status.collector-web-1.
// Who may ask what, the server decides by roles: package embed. An answer has a bound ([Options.MaxAnswer]); lists that would exceed it
// are cut, and say how much was left out. What is too large without them is refused.
//
// # Heartbeats
//
// A served program publishes a [bus.HealthEvent] on control.health.heartbeat.{id} in each interval, and listens to those of others. One
// that misses three is reported once: in the log, as an event on control.health.status, and in each status answer until it is forgotten.
//
// # Concurrency and errors
//
// Everything may be called from any goroutine. A refusal is a [*bus.RequestError], an id that is no segment of a topic a
// [*subjects.Error], and an answer that is not understood an [*AnswerError].
package control
