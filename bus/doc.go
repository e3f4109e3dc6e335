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
// # Delivery and order
//
// Delivery is at most once. One publisher's events reach each subscriber in the order of its Publish calls, across topics;
// calls made at once by several goroutines have no order among each other. An event published after Subscribe has
// returned is seen by that subscriber. It is delivered once, also when several patterns of the subscription match.
//
// # Overflow
//
// Every subscription has a bounded queue of its own, and an [OverflowPolicy]. A slow subscriber never holds up another
// one; with [Block] it holds up those publishers of its own process whose events it wants, for a bounded time.
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
