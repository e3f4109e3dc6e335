package bus

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/daemoneye/eventbus/subjects"
)

var (
	// ErrClosed is returned by the methods of a bus after Shutdown was called.
	ErrClosed = errors.New("bus: closed")

	// ErrSubscriptionEnded is returned by a receiver whose subscription has ended, by Unsubscribe or Shutdown, when
	// everything that was queued has been received.
	ErrSubscriptionEnded = errors.New("bus: subscription ended")

	// ErrDuplicateSubscriber is returned by Subscribe when a subscription with the same ID is live on this bus value.
	ErrDuplicateSubscriber = errors.New("bus: subscriber ID is in use")

	// ErrTooManySubscribers is returned by Subscribe when Options.MaxSubscribers subscriptions are live.
	ErrTooManySubscribers = errors.New("bus: too many subscribers")

	// ErrInvalid is matched by every [InvalidError].
	ErrInvalid = errors.New("bus: invalid input")

	// ErrTooLarge is matched, beside ErrInvalid, by the error for an event whose wire size exceeds the limit.
	ErrTooLarge = errors.New("bus: event too large")

	// ErrOverflow is matched by every [OverflowError].
	ErrOverflow = errors.New("bus: queue full")

	// ErrUndelivered is returned by Publish when the NATS server is away for so long that its share cannot even be
	// buffered, by Flush and Subscribe when the connection is lost meanwhile, and by Shutdown when events still waited for
	// the server.
	ErrUndelivered = errors.New("bus: not taken by the server")

	// ErrForbidden is returned by Subscribe when the server does not let this process read one of the patterns. What it does
	// not let it publish it says too late for Publish; Statistics.Forbidden counts that.
	ErrForbidden = errors.New("bus: not permitted")
)

// maxErrorValue bounds how much of an offending value an error message repeats, in bytes.
const maxErrorValue = 96

// InvalidError reports input that breaks a rule of this package: an event, a subscription, an option or bytes from the
// wire. It matches [ErrInvalid], and Err if there is one.
type InvalidError struct {
	Field  string // the field, in the snake_case of the wire format, with dots between levels
	Value  string // the offending value as text
	Reason string // the rule that it breaks
	Err    error  // a more specific error, or nil
}

func (e *InvalidError) Error() string {
	value := e.Value
	if len(value) > maxErrorValue {
		value = value[:maxErrorValue] + "…"
	}
	reason := e.Reason
	if of, ok := errors.AsType[*subjects.Error](e.Err); ok { // it names the value as well
		reason = of.Detail()
	}
	return fmt.Sprintf("bus: invalid %s %s: %s", e.Field, strconv.Quote(value), reason)
}

func (e *InvalidError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrInvalid}
	}
	return []error{ErrInvalid, e.Err}
}

// OverflowError reports a subscription with the block policy whose queue stayed full until Publish had to give up. It
// matches [ErrOverflow] and its cause.
type OverflowError struct {
	Subscriber string // ID of the subscription that did not get the event
	Err        error  // what ended the wait: the context's error, or context.DeadlineExceeded for the publish timeout
}

func (e *OverflowError) Error() string {
	return fmt.Sprintf("bus: queue of subscriber %q full: %v", e.Subscriber, e.Err)
}

func (e *OverflowError) Unwrap() []error { return []error{ErrOverflow, e.Err} }

// ShutdownError reports events that were queued when the context of Shutdown ended. It matches its cause.
type ShutdownError struct {
	Discarded uint64 // events discarded, over all subscriptions
	Err       error  // the context's error
}

func (e *ShutdownError) Error() string {
	return fmt.Sprintf("bus: shutdown discarded %d queued events: %v", e.Discarded, e.Err)
}

func (e *ShutdownError) Unwrap() error { return e.Err }

// tooLong is the error for a text over its limit.
func tooLong(field, value string, limit int) error {
	return &InvalidError{Field: field, Value: value, Reason: fmt.Sprintf("%d bytes, at most %d allowed", len(value), limit)}
}
