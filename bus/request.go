package bus

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

// ErrNoResponders is returned by a request on a topic on which nobody answers.
var ErrNoResponders = errors.New("bus: nobody answers on this topic")

// The codes of a [RequestError] that buses use; handlers may use any. They are those of HTTP (RFC 9110), as in NATS's own services.
const (
	CodeBadRequest = 400
	CodeForbidden  = 403
	CodeTooLarge   = 413
	CodeInternal   = 500
	CodeBusy       = 503
)

// RequestError is what a responder answers if it does not do what it was asked.
type RequestError struct {
	Code   int
	Reason string
}

func (e *RequestError) Error() string { return fmt.Sprintf("bus: refused (%d): %s", e.Code, e.Reason) }

// Bounds of requests.
const (
	// MaxRequests is how many requests of a role a bus answers at once; what comes beyond is refused with CodeBusy.
	MaxRequests = 16
	// MaxResponders is how many responders a bus may have at once.
	MaxResponders = 256
	// RequestTimeout is how long a handler has for an answer.
	RequestTimeout = 10 * time.Second
)

// Request is what somebody asks.
type Request struct {
	Topic string
	Data  []byte
	// Role is that of who asks, where an embedded server knows it; empty is this process, or a NATS server of somebody else's, whose
	// permissions decide who may ask.
	Role string
}

// RequestHandler answers requests. It may be called from several goroutines at once, [MaxRequests] at most for each role, and its context
// ends after [RequestTimeout], or with the bus. An error that is no [*RequestError] is answered as one with [CodeInternal].
type RequestHandler func(ctx context.Context, request Request) ([]byte, error)

// Requester is implemented by a bus on which questions are asked and answered, beside events: both buses of this module are one.
// Requests are on control topics, their data is whatever the two sides agree on. All methods may be called from any goroutine.
type Requester interface {
	// Request asks everybody who answers on a topic, in this process and in others, and yields their answers as they come. It ends with
	// ctx, of which the deadline should be as long as an answer may take: nobody knows how many will answer, unless all are in
	// this process. It yields
	//   - a [*RequestError] for each responder that refuses, and goes on;
	//   - [ErrNoResponders] if it is known that nobody answers;
	//   - ctx's error if it has ended before the first answer;
	//   - an [*InvalidError] for a topic that is no control topic, [ErrForbidden], [ErrClosed], or [ErrUndelivered] without a server,
	//     if nobody in this process answers.
	Request(ctx context.Context, topic string, data []byte) iter.Seq2[[]byte, error]

	// Respond answers requests on a topic until the function that it returns is called, which waits for calls of the handler to end
	// and thus must not be called by it; or until Shutdown, which does the same. Several may answer on a topic. It returns an
	// [*InvalidError] for a topic that is no control topic, [ErrTooManySubscribers] beyond [MaxResponders], [ErrForbidden],
	// [ErrClosed], [ErrUndelivered] or ctx's error, and has then left nothing behind.
	Respond(ctx context.Context, topic string, handler RequestHandler) (stop func(), err error)
}

// Ask returns the first answer to a request, which may be a refusal. It returns [errors.ErrUnsupported] if the bus is no [Requester].
func Ask(ctx context.Context, b Bus, topic string, data []byte) ([]byte, error) {
	r, ok := As[Requester](b)
	if !ok {
		return nil, fmt.Errorf("bus: requests on %T: %w", b, errors.ErrUnsupported)
	}
	for answer, err := range r.Request(ctx, topic, data) {
		return answer, err
	}
	return nil, ErrNoResponders
}
