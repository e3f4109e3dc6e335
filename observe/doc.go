// Package observe shows how a bus is doing: a page for people, metrics for Prometheus, health for whoever restarts processes, and profiles.
//
// # Use
//
//	server, err := observe.Start(ctx, b, &observe.Options{Listen: "127.0.0.1:9464"})
//	if err != nil {
//		return err
//	}
//	defer server.Stop(context.WithoutCancel(ctx))
//
// [Serve] does the same until its context ends. A program that has an HTTP server already mounts [Handler], and one that has a
// registry of its own registers [NewCollector].
//
// # Endpoints
//
//   - / is a page for the browser, if Options.Page is set: rates by topic, subscribers and their queues, drops by cause, losses, and
//     whether events get through, and with Options.EventsToken the newest events. It is one document that fetches nothing from elsewhere.
//     /live is what it reads: a JSON object a line, for as long as it is open.
//   - /metrics has the metrics of the bus, of its embedded server if there is one, of the Go runtime and of the process.
//     docs/metrics.md says what each of them means and what to do about it.
//   - /healthz answers 200 as long as the bus can work, and 503 once it is shut down.
//   - /readyz answers 200 if events get through: the bus is connected, no queue has been kept full for longer than Options.QueueFull,
//     and no circuit is open. Otherwise it answers 503.
//   - /debug/pprof/ has profiles for "go tool pprof", if Options.Profiles is set.
//
// Both health endpoints give the reasons of a 503, a line each, or as JSON to who accepts application/json:
//
//	{"status":"unavailable","reasons":["subscription \"detector\": its queue of 1024 events has been full for 42s"]}
//
// # Who can look
//
// The server listens on loopback only, as the embedded NATS server does without TLS; another address is refused with an
// [*OptionError]. It answers only requests that name a loopback host, so that no web page gets at it through a name of its own that
// leads here. There is no further authentication: every user of the host can read the metrics and the page, which hold topics and
// subscriber IDs, and never what is in an event. Profiles also show names of functions and, of a trace, what the program does when.
//
// Events hold command lines, paths and addresses. So the page shows them only if the program has set Options.EventsToken, and only to who
// presents it, in a header. The link with the token (/#token=…) is a secret: a browser sends what is behind the # to no server, and the
// page takes it out of the address at once. It does not belong into a log, nor into the arguments of a command, which every user of the
// host can read; [crypto/rand.Text] makes one that is new at each start, so that an old link is worth nothing. What is on the page are
// texts and cannot become anything else: its Content-Security-Policy runs its own script and nothing that got in beside it.
//
// At most [MaxPages] pages are served at a time, and each gets at most [MaxPageEvents] events a second; what is not shown is counted.
// The page takes a glance at the bus ([bus.Sampler]) and is no subscriber: it is in no statistics, and no alarm is about it.
//
// # Label values
//
// Their number is bounded. The first [MaxSubscriptions] subscriptions have series of their own, under their ID, until they end; all
// others, and those that have ended, are summed up as "other". So what is summed over the label is what the whole bus counts, and
// counters only grow. Topics have a series each if they are among the [MaxTopics] on which the bus has published most.
// A subscription or topic that is itself called other is part of the sum, as is an ID that is no valid UTF-8.
//
// # Concurrency
//
// Everything may be called from any goroutine at once. A scrape takes no lock that a publisher waits for, except each queue's for the
// moment in which its counters are read.
//
// # Cost
//
// None to a publisher: what is shown is counted anyway, and the few events of a page are handed over by pointer (BenchmarkPage). A scrape costs one [bus.Bus.Statistics], a walk over the topics, and
// the text: some milliseconds with 100 subscriptions and 100 topics, and some tens with tens of thousands of topics (BenchmarkScrape).
package observe
