package natsbus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/link"
)

// The headers and the status of NATS for answers that are none: those of its services (package micro of nats.go), and of the server
// if nobody has subscribed.
const (
	errorHeader     = "Nats-Service-Error"
	errorCodeHeader = "Nats-Service-Error-Code"
	statusHeader    = "Status"
	noResponders    = "503"

	// maxReason bounds the reason of a refusal on the wire, in bytes.
	maxReason = 1 << 10
	// maxPassedOn bounds the requests of a role, or of the server's process, that the server's bus has passed on and whose answers it still
	// waits for: one that asks as often as it may keeps no other from asking.
	maxPassedOn = 1024
	// passedOnFor is how long it waits for them: as long as a responder has, and the way there and back.
	passedOnFor = bus.RequestTimeout + 2*time.Second
	// maxAnswers bounds the answers to one request that wait to be taken, and maxAnswerBytes their size.
	maxAnswers     = bus.MaxResponders
	maxAnswerBytes = 16 << 20
)

// requests are what this bus asks others, and is asked by them, over NATS.
//
// On a NATS server of somebody else's, that is NATS's own request and reply on the topic. On an embedded one, clients ask the server's
// bus (see gate). It answers what this process can, passes the request on to buses that answer there, and brings their answers
// back under a random text of its own: who answers does not learn where the answer goes, and so can send to nobody else.
type requests struct {
	bus    *Bus
	number atomic.Uint64 // of the last request

	mu       sync.Mutex // guards what follows
	embedded bool       // the server is one
	answered map[string]*answeredTopic
	watched  map[string]*watched  // by what the server would call it, such as Publish to "x"
	passedOn map[string]*passedOn // by the end of its reply subject; empty but on the server's own bus
	asking   map[string]int       // how many of them are of each role
}

// answeredTopic is one on which somebody in this process answers.
type answeredTopic struct {
	subscription *nats.Subscription
	users        int
}

// watched is what is done and the server may forbid.
type watched struct {
	users   int
	refused bool
}

// passedOn is a request that waits for answers of other processes.
type passedOn struct {
	role    string
	deliver func(data []byte, err error)
	expiry  *time.Timer
}

func newRequests(b *Bus) *requests {
	return &requests{bus: b, answered: make(map[string]*answeredTopic), watched: make(map[string]*watched), passedOn: make(map[string]*passedOn), asking: make(map[string]int)}
}

var _ bus.Requester = (*Bus)(nil)

// Request implements [bus.Requester].
func (b *Bus) Request(ctx context.Context, topic string, data []byte) iter.Seq2[[]byte, error] {
	return b.engine.Request(ctx, topic, data, func(deliver func([]byte, error)) (stop func(), err error) {
		if b.server != nil {
			return b.requests.passOn(bus.Request{Topic: topic, Data: data}, "", deliver)
		}
		return b.requests.ask(ctx, topic, data, deliver)
	})
}

// Respond implements [bus.Requester]. It makes one round trip to the server, unless that is in this process.
func (b *Bus) Respond(ctx context.Context, topic string, handler bus.RequestHandler) (stop func(), err error) {
	end, err := b.engine.Respond(ctx, topic, handler)
	if err != nil || b.server != nil {
		return end, err // the gate finds it
	}
	if err := b.requests.listen(ctx, topic); err != nil {
		end()
		return nil, b.sendError(err)
	}
	return sync.OnceFunc(func() {
		b.requests.unlisten(topic)
		end()
	}), nil
}

// adapt does as the server wants it. What is asked meanwhile is not heard.
func (r *requests) adapt(embedded bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if embedded == r.embedded {
		return
	}
	r.embedded = embedded
	for topic, t := range r.answered {
		_ = t.subscription.Unsubscribe() // fails only if the connection is gone
		if s, err := r.open(topic); err == nil {
			t.subscription = s
		}
	}
}

// open subscribes to the requests on a topic, under mu.
func (r *requests) open(topic string) (*nats.Subscription, error) {
	return r.bus.conn.Subscribe(r.subject(topic), r.asked)
}

// subject returns where requests on a topic arrive, under mu.
func (r *requests) subject(topic string) string {
	if r.embedded {
		return link.RequestPrefix + topic
	}
	return topic
}

// listen makes requests on a topic arrive.
func (r *requests) listen(ctx context.Context, topic string) error {
	before := r.bus.conn.LastError()
	r.mu.Lock()
	deed := `Subscription to "` + r.subject(topic) + `"`
	r.mu.Unlock()
	r.watch(deed)
	defer r.unwatch(deed)
	r.mu.Lock()
	t := r.answered[topic]
	if t == nil {
		s, err := r.open(topic)
		if err != nil {
			r.mu.Unlock()
			return err
		}
		t = &answeredTopic{subscription: s}
		r.answered[topic] = t
	}
	t.users++
	r.mu.Unlock()
	err := r.settle(ctx, topic, deed, before)
	if err != nil {
		r.unlisten(topic)
	}
	return err
}

func (r *requests) unlisten(topic string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.answered[topic]
	if t.users--; t.users == 0 {
		delete(r.answered, topic)
		_ = t.subscription.Unsubscribe() // fails only if the connection is gone
	}
}

// watch notes whether the server forbids something, until unwatch.
func (r *requests) watch(deed string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.watched[deed]
	if w == nil {
		w = new(watched)
		r.watched[deed] = w
	}
	w.users++
}

func (r *requests) unwatch(deed string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.watched[deed]; w.users == 1 {
		delete(r.watched, deed)
	} else {
		w.users--
	}
}

// refuse takes note of a complaint of the server, if it is about something that is watched.
func (r *requests) refuse(complaint error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for deed, w := range r.watched {
		w.refused = w.refused || strings.Contains(complaint.Error(), deed)
	}
}

// settle waits until the server has taken something that is watched and concerns the topic, and returns an error if it has forbidden that.
// before is its last complaint before.
func (r *requests) settle(ctx context.Context, topic, deed string, before error) error {
	if err := flush(ctx, r.bus.conn); err != nil {
		return err
	}
	return settled(r.bus.conn, before, r.refuse, func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.watched[deed].refused {
			return fmt.Errorf("%w: requests on %s", bus.ErrForbidden, topic)
		}
		return nil
	})
}

// ask asks the server, and those who answer beyond it.
func (r *requests) ask(ctx context.Context, topic string, data []byte, deliver func([]byte, error)) (stop func(), err error) {
	b := r.bus
	if !b.conn.IsConnected() {
		return nil, fmt.Errorf("%w: %s is away", bus.ErrUndelivered, b.peer)
	}
	msg := &nats.Msg{Subject: topic, Data: data, Reply: link.ReplyPrefix + b.engine.Publisher().String() + "." + strconv.FormatUint(r.number.Add(1), 10)}
	if uplink := *b.outbound.uplink.Load(); uplink != "" {
		msg.Subject = uplink + link.RequestPrefix + topic
	}
	s, err := b.conn.Subscribe(msg.Reply, func(msg *nats.Msg) { deliver(readAnswer(msg)) })
	if err != nil {
		return nil, b.sendError(err)
	}
	stop = func() { _ = s.Unsubscribe() } // fails only if the connection is gone
	deed := `Publish to "` + msg.Subject + `"`
	r.watch(deed)
	defer r.unwatch(deed)
	before := b.conn.LastError()
	err = cmp.Or(s.SetPendingLimits(maxAnswers, maxAnswerBytes), b.conn.PublishMsg(msg))
	if err == nil {
		err = r.settle(ctx, topic, deed, before)
	}
	if err != nil {
		stop()
		return nil, b.sendError(err)
	}
	return stop, nil
}

// asked has this process answer a request from another one.
func (r *requests) asked(msg *nats.Msg) {
	r.mu.Lock()
	embedded := r.embedded
	r.mu.Unlock()
	topic, passedOn := strings.CutPrefix(msg.Subject, link.RequestPrefix)
	if msg.Reply == "" || passedOn && msg.Header.Get(link.AskerHeader) == r.bus.engine.Publisher().String() {
		return // an event, or this bus's own request, which it has answered itself
	}
	request := bus.Request{Topic: topic, Data: msg.Data}
	reply := msg.Reply
	if embedded {
		request.Role = msg.Header.Get(link.RoleHeader)
		reply = *r.bus.outbound.uplink.Load() + reply
	}
	r.bus.engine.Answer(request, func(data []byte, err error) { r.reply(reply, data, err) })
}

// reply sends an answer. If that fails, who asked will have waited in vain.
func (r *requests) reply(subject string, data []byte, err error) {
	msg := &nats.Msg{Subject: subject, Data: data}
	if limit := r.bus.conn.MaxPayload(); err == nil && int64(len(data)) > limit-maxReason {
		err = &bus.RequestError{Code: bus.CodeTooLarge, Reason: fmt.Sprintf("the answer has %d bytes, of at most %d", len(data), limit-maxReason)}
	}
	switch refused, ok := errors.AsType[*bus.RequestError](err); {
	case errors.Is(err, bus.ErrNoResponders):
		msg.Header = nats.Header{statusHeader: {noResponders}}
	case ok:
		msg.Data = nil
		reason := strings.Map(func(c rune) rune {
			if c < ' ' {
				return ' '
			}
			return c
		}, refused.Reason)
		msg.Header = nats.Header{errorHeader: {reason[:min(len(reason), maxReason/2)]}, errorCodeHeader: {strconv.Itoa(refused.Code)}}
	}
	if err := r.bus.conn.PublishMsg(msg); err != nil && !r.bus.engine.Stopped() {
		r.bus.logger.Warn("an answer could not be sent", "subject", subject, "error", err)
	}
}

// readAnswer is the other side of reply.
func readAnswer(msg *nats.Msg) ([]byte, error) {
	if msg.Header == nil {
		return msg.Data, nil
	}
	if len(msg.Data) == 0 && msg.Header.Get(statusHeader) == noResponders {
		return nil, bus.ErrNoResponders
	}
	reason, code := msg.Header.Get(errorHeader), msg.Header.Get(errorCodeHeader)
	if reason == "" && code == "" {
		return msg.Data, nil
	}
	number, err := strconv.Atoi(code)
	if err != nil {
		number = bus.CodeInternal
	}
	return nil, &bus.RequestError{Code: number, Reason: reason}
}

// passOn passes a request on to buses in other processes that answer on its topic. asker is the publisher ID of the bus that asks, if
// it is one. It returns [bus.ErrNoResponders] if there are none. The answers come until stop is called, or for passedOnFor.
func (r *requests) passOn(request bus.Request, asker string, deliver func([]byte, error)) (stop func(), err error) {
	subject := link.RequestPrefix + request.Topic
	if r.bus.server.Interest(subject) == 0 {
		return nil, bus.ErrNoResponders
	}
	random, err := uuid.NewRandom()
	if err != nil {
		return nil, err
	}
	token := random.String()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asking[request.Role] >= maxPassedOn {
		return nil, &bus.RequestError{Code: bus.CodeBusy, Reason: fmt.Sprintf("%d requests are being answered", maxPassedOn)}
	}
	msg := &nats.Msg{Subject: subject, Reply: link.ReplyPrefix + token, Data: request.Data, Header: nats.Header{}}
	if request.Role != "" {
		msg.Header.Set(link.RoleHeader, request.Role)
	}
	if asker != "" {
		msg.Header.Set(link.AskerHeader, asker)
	}
	if err := r.bus.conn.PublishMsg(msg); err != nil {
		return nil, r.bus.sendError(err)
	}
	stop = func() { r.forget(token) }
	r.asking[request.Role]++
	r.passedOn[token] = &passedOn{request.Role, deliver, time.AfterFunc(passedOnFor, stop)}
	return stop, nil
}

func (r *requests) forget(token string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.passedOn[token]; p != nil {
		p.expiry.Stop()
		delete(r.passedOn, token)
		r.asking[p.role]--
	}
}

// brought takes an answer to a request that was passed on. One that nobody waits for any more is late, and no error. That nobody answers
// is not for who answers to say: it would end the wait for the others.
func (r *requests) brought(token string, msg *nats.Msg) {
	r.mu.Lock()
	p := r.passedOn[token]
	r.mu.Unlock()
	if p == nil {
		return
	}
	if data, err := readAnswer(msg); !errors.Is(err, bus.ErrNoResponders) {
		p.deliver(data, err)
	}
}

// end forgets all requests that were passed on.
func (r *requests) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.passedOn {
		p.expiry.Stop()
	}
	clear(r.passedOn)
	clear(r.asking)
}
