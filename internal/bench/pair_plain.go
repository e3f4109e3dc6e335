package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/localbus"
)

// plainPair is nats.go with a stock server in the first process, moving bytes over loopback that nobody encodes or decodes. There is
// one payload for each event, as long as the event is when natsbus sends it.
type plainPair struct{}

func (plainPair) Name() string { return PlainNATS }

// StartServer starts a stock nats-server in this process, on loopback at a free port.
func StartServer() (*server.Server, error) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true})
	if err != nil {
		return nil, err
	}
	s.Start()
	if !s.ReadyForConnections(patience) {
		s.Shutdown()
		return nil, errors.New("the server does not start")
	}
	return s, nil
}

// StopServer stops it and waits for its end.
func StopServer(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

// Serve implements [Pair]. The connection of this process is one over loopback too: nats.go is slower over its in-process pipe.
func (p plainPair) Serve(ctx context.Context) (End, string, error) {
	s, err := StartServer()
	if err != nil {
		return nil, "", err
	}
	end, err := dialPlain(ctx, s.ClientURL())
	if err != nil {
		StopServer(s)
		return nil, "", err
	}
	end.server = s
	return end, s.ClientURL(), nil
}

// Dial implements [Pair].
func (plainPair) Dial(ctx context.Context, address string) (End, error) {
	return dialPlain(ctx, address)
}

func dialPlain(ctx context.Context, address string) (*plainEnd, error) {
	payloads, subject, err := wireForms(ctx, NewPool())
	if err != nil {
		return nil, err
	}
	conn, err := nats.Connect(address)
	if err != nil {
		return nil, err
	}
	return &plainEnd{conn: conn, payloads: payloads, subject: subject}, nil
}

// wireForms returns the events of the pool as they are when they have been published, and their topic.
func wireForms(ctx context.Context, pool Pool) (payloads [][]byte, topic string, err error) {
	b, err := localbus.New(&bus.Options{QueueCapacity: len(pool)})
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, b.Shutdown(ctx)) }()
	receiver, err := b.Subscribe(ctx, bus.Subscription{ID: readerID, Patterns: []string{Pattern}})
	if err != nil {
		return nil, "", err
	}
	for _, p := range pool {
		if err := b.Publish(ctx, bus.Event{Payload: p}); err != nil {
			return nil, "", err
		}
		event, err := receiver.Next(ctx)
		if err != nil {
			return nil, "", err
		}
		data, err := event.MarshalMsg(nil)
		if err != nil {
			return nil, "", err
		}
		payloads, topic = append(payloads, data), event.Topic
	}
	return payloads, topic, nil
}

type plainEnd struct {
	server   *server.Server // nil in the other process
	conn     *nats.Conn
	payloads [][]byte
	subject  string
}

// Subscribe implements [End].
func (e *plainEnd) Subscribe(_ context.Context, read func(stamp int64)) error {
	s, err := e.conn.Subscribe(e.subject, func(m *nats.Msg) { read(int64(binary.BigEndian.Uint64(m.Data))) })
	if err != nil {
		return err
	}
	if err := s.SetPendingLimits(-1, -1); err != nil {
		return err
	}
	return e.conn.FlushTimeout(patience)
}

// Publish implements [End]. nats.go copies the bytes before it returns.
func (e *plainEnd) Publish(_ context.Context, event *bus.ProcessEvent, stamp int64) error {
	data := e.payloads[Index(event)]
	if stamp != 0 {
		binary.BigEndian.PutUint64(data, uint64(stamp))
	}
	return e.conn.Publish(e.subject, data)
}

// Close implements [End].
func (e *plainEnd) Close(context.Context) error {
	err := e.conn.FlushTimeout(time.Second)
	e.conn.Close()
	if e.server != nil {
		StopServer(e.server)
	}
	return err
}
