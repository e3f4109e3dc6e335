package bus

import (
	"context"
	"iter"
)

// Bus carries events from publishers to subscribers. localbus and natsbus implement it, and package bustest holds the
// suite that keeps them indistinguishable. All methods may be called from any goroutine at once.
type Bus interface {
	// Publish stamps what the caller left zero (ID, time, topic, correlation ID), and hands the event to every
	// subscription that wants it.
	//
	// The envelope is copied; the payload, and every map and slice that the event refers to, belong to the bus from
	// here on and must not be changed any more.
	//
	// Publish blocks only for subscriptions with the block policy whose queue is full, until there is room, ctx ends
	// or Options.PublishTimeout has passed (which applies only if ctx has no deadline of its own). Everybody else has
	// the event by then. It returns
	//   - an [*InvalidError] (errors.Is ErrInvalid) for an event that breaks a rule; nobody got it;
	//   - an [*OverflowError] for each subscription that had no room in time; the others got it;
	//   - [ErrUndelivered] if the NATS server could not take it, or another event that was sent together with it, also
	//     because it takes less than Options.MaxEventSize ([ErrTooLarge]); subscribers of this process got it;
	//   - [ErrClosed] after Shutdown; a Publish that was blocked during Shutdown returns it too;
	//   - ctx's error if ctx had ended before the call; nobody got it.
	Publish(ctx context.Context, event Event) error

	// Subscribe registers a subscription. An event published after Subscribe has returned is seen by it, also when
	// it is published by another process on the same server. ctx bounds the registration, not the subscription.
	//
	// It returns an [*InvalidError] for a malformed subscription, [ErrDuplicateSubscriber] if the ID is live on this
	// bus, [ErrTooManySubscribers], [ErrClosed], [ErrUndelivered] if the connection to the server is lost meanwhile,
	// [ErrForbidden] if the server does not permit it, or ctx's error; in each case nothing is left behind.
	Subscribe(ctx context.Context, subscription Subscription) (Receiver, error)

	// Unsubscribe ends the subscription with that ID. What is queued can still be received, then the receiver ends.
	// An unknown ID is no error. ctx bounds the removal of interest from a server; the subscription has ended in
	// any case when Unsubscribe returns.
	Unsubscribe(ctx context.Context, subscriberID string) error

	// Statistics returns a snapshot. It does not block publishers, and works after Shutdown as well.
	Statistics() Statistics

	// Flush returns when everything published before the call is in every matching queue of this process and has
	// been taken by the server for everybody else. It returns ctx's error if that takes longer, [ErrUndelivered] if
	// there is no server to take it, or once if an event since the last Flush could not be sent and no Publish has said so, and
	// [ErrClosed] after Shutdown.
	Flush(ctx context.Context) error

	// Shutdown stops intake, waits until the receivers have taken what is queued or ctx ends, ends every receiver,
	// and releases every goroutine, socket and file. If ctx ended first, the rest is discarded and counted as
	// dropped, and a [*ShutdownError] says how much it was. It returns [ErrUndelivered] if the server was away and
	// events still waited for it. A receiver that nobody reads makes Shutdown wait until ctx
	// ends, so give ctx a deadline. What subscriptions that had ended before have left stays theirs to be received. The last
	// notices have been given when Shutdown returns. A second call waits for the first one and returns the same.
	Shutdown(ctx context.Context) error
}

// Receiver is the reading end of a subscription. Events are shared between subscribers and must not be changed.
//
// The methods may be called from several goroutines at once; each event then goes to one of them, which makes a pool of
// workers.
type Receiver interface {
	// ID returns the subscriber ID.
	ID() string

	// Next blocks until an event is there and returns it. It returns [ErrSubscriptionEnded] once the subscription
	// has ended and everything queued was received, and ctx's error if ctx ends first (also when events are queued
	// and ctx had ended before the call).
	Next(ctx context.Context) (*Event, error)

	// TryNext returns the next event without blocking. It returns nil, nil if none is queued, and
	// [ErrSubscriptionEnded] like Next.
	TryNext() (*Event, error)

	// Ready is for select statements: the channel it returns can be received from when TryNext has something to
	// return, an event or the end. Receive once, then call TryNext once (or until it returns nil, nil); a token
	// may be left from an event that was taken meanwhile, so TryNext may find nothing. After Next, call
	// Ready again instead of keeping the channel.
	Ready() <-chan struct{}

	// All returns an iterator over the events as they come. It ends after the subscription has ended; if ctx ends
	// first, it yields a nil event with ctx's error as its last pair.
	All(ctx context.Context) iter.Seq2[*Event, error]

	// Statistics returns a snapshot of this subscription's counters.
	Statistics() SubscriptionStatistics
}
