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
//   - A unix socket, by default where package rendezvous says. The kernel says who is at the other end (Linux and macOS), and that
//     user's role is what the client may do: Options.Role for the server's own user, Options.Users for others. Without others the
//     socket's directory has mode 0700 and the socket 0600.
//   - A listener, which is off by default, for clients that cannot dial a unix socket. One that is not on loopback needs TLS, of
//     version 1.3, with certificates of clients if wanted.
//
// On both of these a client may present an nkey instead (NATS's Ed25519 keys: the client signs what the server greets it with, and no
// secret travels), one of those in Options.Credentials, and has the role that is written there. Who presents something wrong
// gets in nowhere, whoever it is. The listener demands one, or the token that the server makes anew at each start for processes of its
// own user. Keys are rotated and revoked while the server runs (eventbus creds); whoever is connected with an old one is disconnected.
//
// # Roles
//
// A role says on which topics its clients publish and to which they subscribe, as lists of what is allowed, under which sources they
// publish, and what their limits are ([Role], [Roles]). Each has an inbox prefix of its own, _INBOX_ and its name, on which no other
// listens. In the account of each, NATS enforces all that when a client publishes or subscribes. Queue groups are the server's and not an
// account's, so their names have to begin with the role's; those of buses are random.
//
// # Everything goes through the bus
//
// The bus of this process is in an account of its own, SELF. What clients publish comes to it and to nobody else, below in., the
// role and up. ([InboundPrefix], package link): of plain clients by a mapping of subjects, of buses by the subject that they use, which
// has the publisher ID that they have connected with. What the bus publishes on events.>, control.> and eventbus.> goes to the accounts
// of all roles. So it sees everything before anybody else does, and knows of whom it is; package natsbus does with that what it has
// to. As SELF subscribes to nothing else, [Server.Interest] is exactly that of everybody else: of plain clients for a topic, and of buses
// for the topic below eventbus.batch. While nobody at all is connected, [Server.Alone] knows it at the cost of two loads. Without
// a bus in its process a server lets nothing through.
//
// Requests go the same way: what has a reply subject on a control topic is one, and the bus answers below the inbox prefix of the role.
// To the server that is a message like another, so a role's clients may publish on topics on which they may only ask; the bus tells
// them apart ([Server.Publishes], [Server.Requests]).
//
// # A hub
//
// With Options.Leaf the server joins a hub as a leaf node, in an account of its own, LEAF. It imports from SELF the topics that the
// hub may have, below prefix and host, so that [Server.Interest] counts the hub's subscribers among the plain clients; and SELF imports
// from it what it accepts, on in.hub.up.plain.>, as what the role [Hub] publishes. There is nothing else in LEAF. What waits for a hub
// that takes nothing is bounded by the two seconds of a write, not in bytes, and lost when they are over.
//
// # Limits
//
// Payloads, connections, subscriptions and pending bytes are bounded for all ([Options]), and by role ([Role]). A client that does not read is
// disconnected when MaxPending bytes wait for it or a write takes longer than WriteDeadline. It never slows down
// publishers. There is no persistence, no monitoring port and no cluster.
//
// # Concurrency
//
// All methods of [Server] may be called at any time from any goroutine.
package embed
