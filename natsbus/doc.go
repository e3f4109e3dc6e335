// Package natsbus is the event bus over NATS: what localbus is inside a process, and every other process on top.
//
// # Use
//
// There are three ways to the other processes:
//
//   - [InProcess] uses a server in this process (package embed), which other processes attach to;
//   - [Attach] dials the unix socket of such a server in another process of the same user;
//   - [Connect] dials an existing NATS server or cluster by URL.
//
// # Delivery
//
// Subscribers of the same process get events through the routing engine that localbus uses, by pointer. Only if somebody outside
// is interested in a topic are its events encoded and sent: an in-process server says so exactly for each event, while an
// existing one does not, so everything is sent to it. Events from outside are decoded once and go through the same engine.
// Delivery is at most once. A publisher in another process cannot be made to wait for a full queue: under the block policy its
// event is dropped and counted instead.
//
// # Order
//
// All NATS subscriptions of a bus feed one channel that one goroutine reads, in the order of the wire. They belong to one
// queue group of their own, so that the server sends a message once even when several of their subjects match it. On a server
// in this process there are just two, for everything; elsewhere they follow the subscriptions.
//
// # Reconnecting
//
// A lost connection is sought for ever, with a growing pause of at most two seconds. Meanwhile up to 8 MiB of
// outgoing events are buffered, after that Publish returns [bus.ErrUndelivered] (subscribers in the process still
// get the event). Loss and return of the connection are logged, and [bus.Statistics] has Connected and Reconnects.
package natsbus
