// Package bus defines the event bus: the [Bus] interface, the events that cross it, and what a subscription can ask for.
//
// Two packages implement it. localbus connects the goroutines of one process; natsbus does the same and connects other
// processes through a NATS server. Package bustest holds the rules below as test cases that every bus has to pass. Programs
// usually get a bus from eventbus.Open.
//
// # Use
//
// A publisher calls [Bus.Publish] with an [Event] that has at least a payload. A subscriber calls [Bus.Subscribe] and reads the
// [Receiver] in one of three ways: blocking with Next, as an iterator with All, or in a select statement with Ready and
// TryNext.
//
// # What is promised
//
// Behind each promise stands the test that proves it. lineNN/name is a case of package bustest, with which every bus and every
// transport is tested; the other tests are functions of that name.
//
// Order and delivery:
//
//   - One publisher's events reach each subscriber in the order of its Publish calls, across topics
//     (line03/fifo_across_topics).
//   - An event is delivered at most once, also when several patterns of a subscription match
//     (line02/overlapping_patterns_deliver_once), and when the network brings it twice (TestDuplicatesAreNotDelivered).
//   - An event published after Subscribe has returned is seen by that subscriber, in this process or in another one on the
//     same server (line04/subscribe_then_publish).
//   - Plain NATS clients get one event a message, other buses batches, and everybody each event once and in order, in the server's
//     process and outside of it (TestEverybodyGetsTheFormItUnderstands, TestPlainClientsReachEveryBus).
//   - Subscriptions that end while others are served make none of them miss an event (line11/who_ends_harms_nobody,
//     TestSubscriptionsComeAndGoUnderLoad).
//
// Overflow and isolation:
//
//   - With [Block] a publisher of the same process waits for room, until its context or Options.PublishTimeout ends the wait;
//     then the error names the subscriber, it alone has missed the event, and it is counted there
//     (line07/block_waits_for_room, line07/block_ends_with_the_context, line07/block_ends_with_the_timeout).
//   - With [DropNewest], [DropOldest] and [BreakCircuit] nobody waits (line07/drop_newest, line07/drop_oldest,
//     line07/circuit_break).
//   - A stuck subscriber keeps no event from another one (line08/stuck_under_each_policy), nor does a NATS client that has stopped
//     (TestStoppedClientHarmsNobody), and memory stays flat (TestMemoryStaysFlat).
//   - A server in this process that takes events too slowly holds nobody up: what it does not take is counted, here and by other
//     buses (TestAnOverloadedServerHoldsNobodyUp).
//   - Who keeps its queue full for a second is named in the log and in the statistics, with what it waits in
//     (TestASlowConsumerIsNamedWithWhatItWaitsIn).
//
// Accounting:
//
//   - For each subscription, matched = delivered + dropped + queued in every snapshot (line09/balance).
//   - What publishers have sent is what a subscriber got, what its queue dropped and what it was told is lost, to the event
//     (line09/audit, TestLossesAreExact), while connections are cut (TestConnectionsCutInABurst), servers killed
//     (TestEmbeddedServerKilled, TestExistingServerKilled), publishers killed (TestPublisherKilledInABurst), garbage sent
//     (TestGarbageAmongGoodEvents), and all of it at once (TestSoak).
//   - Nothing is called lost that was not: not for late joiners (TestALateJoinerIsToldNothingOfWhatWasBefore,
//     line09/no_false_losses), not after a restart (TestANewRunOfAPublisherBeginsAnew), not with more topics than can be
//     remembered (TestManyTopicsAndPublishersMakeNoFalseLosses), not when a publisher reconnects (TestABusHasOneConnection).
//   - Losses are told by publisher, topic and range, aggregated, at most once a second (TestAGapIsALossWithPublisherTopicAndRange,
//     TestManyGapsMakeFewNotices), and drops by cause (line09/drops_are_told).
//   - The buses count alike (TestEqualStatistics, TestModel), and the wall clock has no part in it
//     (TestTheWallClockMayJump).
//
// An event that is published and delivered in one process costs two allocations, however many subscribers get it (TestAllocations).
//
// Requests ([Requester]) are answered by everybody who answers on their topic, in this process and in others (line19/answered,
// line19/answered_by_all, TestRequestsReachEverybodyWhoAnswers), if the role of who asks may (TestWhoMayAsk); and the answers go to no
// one else (TestRepliesGoToWhoAsksAlone). A request is no event (line19/is_no_event).
//
// While a bus runs, the defaults of new subscriptions can be changed ([Tuner], line20/new_subscriptions). A running program says how it is
// when it is asked (package control, TestARunningCollectorAnswers), within the bound of a message (TestDiagnosticsAreBoundedAndSaySo), and
// others notice when it does not run any more (TestAKilledCollectorIsMissed).
//
// Shutdown delivers what is queued while its context lasts, and then says exactly how much was cut off
// (line14/shutdown_delivers_100000, line14/shutdown_cuts_off_100000). Publishers that wait return [ErrClosed]
// (line14/shutdown_frees_publishers).
//
// # What is not promised
//
//   - Nothing is sent twice: between processes this is core NATS, at most once. What a connection or a server loses stays lost;
//     it is told.
//   - Calls of Publish that are made at once have no order among each other, and events of different publishers have none.
//   - A publisher in another process is never made to wait.
//   - What a publisher that was killed has sent at last, nobody can tell. The last word of one that ended is remembered for ten
//     minutes by the bus in the server's process, for those who were cut off or did not read (TestLastWordsAreRemembered,
//     TestStoppedReaderIsToldWhatItMissed); an existing server has no such bus. How long a process was cut off is told
//     (Notice.CutOff).
//   - A server of others does not end the connection that a bus has given up. What was stalled there, and comes after the bus has said
//     on its new one how far it is, is delivered and yet counted as lost.
//   - For a subscription, the account of a publisher in another process begins when that has answered how far it is. Subscribe
//     asks, and the answer takes about a millisecond; what a fault destroys in that time is not known.
//   - On an embedded server an event that nobody wants is not sent. If the last subscription on a topic ends in one process while an
//     event is still on its way to the server, and one begins in another, that one can get the event and miss, as lost, those that
//     nobody wanted in between.
//   - Events of NATS clients that do not number them are delivered, and are missed by nobody (Statistics.Untracked,
//     TestEventsWithoutANumberAreDeliveredAndSaidToBeUntracked).
//   - On an existing NATS server peers trust each other: who numbers events in the name of another publisher can make losses up, or
//     hide events behind too high a number. An embedded one refuses that (TestForgeriesReachNobody).
//   - How many will answer a request, nobody knows who asks over NATS: it waits until its context ends, or has enough.
//   - Across leaf nodes and cluster routes a new subscription takes effect within milliseconds, not with the return of Subscribe.
//
// # Concurrency and ownership
//
// Everything may be called from any goroutine. Publish takes over the payload; received events are shared and read-only.
//
// # Errors
//
// Bad input gives an [*InvalidError] that names field and value. A context's error comes back as itself, for errors.Is. No
// method panics on its caller's input.
//
// # Wire format
//
// Event implements MarshalMsg and UnmarshalMsg: an event is one MessagePack map with snake_case keys, which any MessagePack
// library reads; its topic is the NATS subject. docs/wire.md lists every key.
package bus
