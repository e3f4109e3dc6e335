// Package embed runs a NATS server inside this process, for the bus of this process and for other processes of the same user.
//
// # Use
//
//	server, err := embed.Start(ctx, nil)
//	if err != nil {
//		return err // an *InUseError if another process serves this user already
//	}
//	defer server.Stop(context.WithoutCancel(ctx))
//
// # Ways in
//
// There are three, and each of them authenticates:
//
//   - [Server.InProcessConn] with [Server.Secret] is for the bus of this process alone. The secret works on such a connection
//     only: one that came in by another way is refused even if it knows the secret.
//   - A unix socket, by default where package rendezvous says. Its directory has mode 0700, the socket 0600, the peer's user is
//     checked with the kernel (Linux and macOS), and the client needs the token from the file beside the socket.
//   - A loopback listener, which is off by default, for clients that cannot dial a unix socket. It needs the same token.
//
// Both secrets are made anew by each start. There is no encryption, hence no listener on other addresses.
//
// # Accounts
//
// NATS can tell whether somebody is interested in a subject, but not who, and it stops counting at the first that matches. The
// bus of this process needs to know about everybody but itself, and about plain clients and buses of other processes apart, since it
// sends single events to the ones and batches to the others. So there are three accounts: SELF is the bus of this process, alone;
// PEERS are buses in other processes, known by the name of their connection (package link); BUS is everybody else. The
// server carries messages on events.>, control.> and eventbus.> (what buses tell each other) across:
//
//	from   to     on the subject
//	BUS    SELF   in.> ([InboundPrefix])
//	PEERS  SELF   in.>
//	BUS    PEERS  clients.>
//	SELF   BUS    the same
//	PEERS  BUS    the same
//	SELF   PEERS  the same, but only eventbus.>
//
// As long as the bus subscribes to nothing else, [Server.Interest] is exactly that of plain clients for a topic, and that of buses for
// the topic below eventbus.batch. While nobody at all is connected, [Server.Alone] knows it at the cost of two loads.
//
// # A hub
//
// With Options.Leaf the server joins a hub as a leaf node, in an account of its own, LEAF. It imports from SELF the topics that the
// hub may have, below prefix and host, so that [Server.Interest] counts the hub's subscribers among the plain clients; and SELF imports
// from it what it accepts, on in.hub.up.plain.>, as what the role [Hub] publishes. There is nothing else in LEAF. What waits for a hub
// that takes nothing is bounded by the two seconds of a write, not in bytes, and lost when they are over.
//
// # Permissions
//
// Everybody outside may publish and subscribe to events.>, control.>, eventbus.> and _INBOX.> (which request and reply need), and
// subscribe to clients.>. Everything else is refused: the lists say what is allowed.
//
// # Limits
//
// Payloads, connections, subscriptions and pending bytes are bounded, see [Options]. A client that does not read is
// disconnected when MaxPending bytes wait for it or a write takes longer than WriteDeadline. It never slows down
// publishers. There is no persistence, no monitoring port and no cluster.
//
// # Concurrency
//
// All methods of [Server] may be called at any time from any goroutine.
package embed
