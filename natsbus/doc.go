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
// is interested in a topic are its events encoded and sent: an in-process server says so exactly, while an
// existing one does not, so everything is sent to it. Events from outside are decoded once and go through the same engine.
// Delivery is at most once. A publisher in another process cannot be made to wait for a full queue: under the block policy its
// event is dropped and counted instead.
//
// A publisher leaves its event to a goroutine that sends, unless nothing is on its way: then it sends the event itself, and may be
// held up by the server for as long as one write takes, two seconds at most. On a server in this process at most 32 MiB wait; what
// comes then is not sent, and counted ([bus.Statistics].Unsent). Elsewhere at most 256 KiB wait, and publishers with them.
// An error of Publish may concern events that were published just before.
//
// # Batches
//
// Plain clients get one event a message, on its topic. Buses send each other several events of one topic in one message, on
// subjects of their own (eventbus.batch.>), as many as have come while the one before was sent, 16 KiB at most; no event waits for
// others to come. A bus in another process than the server cannot know whether plain clients want its events; so it
// sends batches only when the bus in the server's process has said that it is there (eventbus.gateway), which then passes single events on
// to the plain clients that want them. Where there is none, as on an existing server, buses send single events.
//
// # Order
//
// All NATS subscriptions of a bus feed one channel that one goroutine reads, in the order of the wire. They belong to one
// queue group of their own, so that the server sends a message once even when several of their subjects match it. On a server
// in this process there are just four, for everything; elsewhere they follow the subscriptions, three for each subject: for single
// events of buses, for those of plain clients, which an embedded server gives to buses below clients.>, and for batches.
//
// # What is lost
//
// Core NATS delivers at most once, and says little of what it did not deliver: a server drops what a client does not read in time,
// and what was on a connection that breaks is gone. So every event has its publisher's number on its topic, and each bus says
// on subjects of its own (eventbus.>) how far it has come: about a second after its events, with [bus.Bus.Flush], as its last
// word at Shutdown, and when another bus asks, as it does for each new subscription, after a reconnect, and every five seconds
// while it gets events. The bus in the server's process remembers last words and answers in the place of who has ended. From
// all that the engine finds out what is missing and for which subscriptions, see [bus.Notice]. Where clients have
// permissions, buses need those subjects to publish and to subscribe.
//
// # Reconnecting
//
// A lost connection is sought for ever, with a growing pause of at most two seconds. Meanwhile up to 8 MiB of
// outgoing events are buffered, after that Publish returns [bus.ErrUndelivered] (subscribers in the process still
// get the event). Loss and return of the connection are logged and told ([bus.Notice]), and [bus.Statistics] has Connected and
// Reconnects. A server that does not answer is given up after three times Options.PingInterval. While one hangs without being
// gone, a Publish can have to wait for it: two seconds for the last write, and Options.ConnectTimeout for an attempt to
// connect again.
package natsbus
