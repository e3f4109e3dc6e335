// Package natsbus is the event bus over NATS: what localbus is inside a process, and every other process on top.
//
// # Use
//
// There are three ways to the other processes:
//
//   - [InProcess] uses a server in this process (package embed), which other processes attach to;
//   - [Attach] dials the unix socket of such a server in another process, with the role of its user or with an nkey;
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
// A publisher leaves its event to a goroutine that encodes and sends, unless nothing is on its way: then it sends the event itself, and
// with it what others leave meanwhile. Each write takes two seconds at most. On a server in this process 32 MiB of events wait at most; what
// comes then is not sent, and counted ([bus.Statistics].Unsent), as is every event that cannot be sent. Elsewhere 256 KiB wait, and
// publishers with them. An error of Publish may concern events that were published just before; an error that no publisher
// waited for is told by the next [bus.Bus.Flush].
//
// # Batches
//
// Plain clients get one event a message, on its topic. Buses on an embedded server send and get several events of one topic in one
// message, on subjects of their own (docs/wire.md), as many as have come while the one before was sent, 16 KiB at most; no event waits for
// others to come. Their events have numbers for keys, and leave out what the receiver knows ([bus.Event.MarshalBrief]); to plain clients
// the gate sends them whole. On an existing server, buses send single events. A bus knows which of them it is on by the server's name.
//
// # The gate
//
// What clients of an embedded server publish reaches nobody but the bus in the server's process. It decodes each event that somebody
// wants, checks it as its own publishers are checked, checks that the source is one of the sender's role and that the publisher ID
// is the sender's own (an ID is whose it was first; that of a bus comes with its connection), completes what a plain client left
// out, and passes it on in the forms that are wanted. What fails is counted, as malformed or as forged, and goes no further. A client
// that subscribes to what it publishes gets its own events back; a bus drops its own.
//
// On an existing server there is no gate: its own permissions are all that stands between its clients.
//
// # Order
//
// All NATS subscriptions of a bus feed one channel that one goroutine reads, in the order of the wire. They belong to one
// queue group of their own, so that the server sends a message once even when several of their subjects match it. On a server
// in this process there is just one, for everything; elsewhere they follow the subscriptions, one for each subject.
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
