package control

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/health"
)

const (
	// publishTimeout bounds how long a subscriber that blocks may hold up an event of this package.
	publishTimeout = time.Second
	// unsubscribeTimeout bounds how long a server that does not answer may hold up Stop.
	unsubscribeTimeout = time.Second
)

// Service answers for a component, and knows the others. Make one with [Serve].
type Service struct {
	bus      bus.Bus
	options  Options
	identity StatusReport // what of it never changes
	stopping atomic.Bool

	heart   heart
	monitor *monitor
	answers []func() // stop answering
	hears   bool     // the heartbeats of others

	stop    sync.Once
	life    context.Context // of the goroutines
	end     context.CancelFunc
	running sync.WaitGroup
}

// Serve answers the requests of package control on b until Stop, or until the bus is shut down. ctx bounds the start. What the server does
// not permit this process is logged and left out.
//
// It returns a [*bus.InvalidError] for an option out of range, [errors.ErrUnsupported] for a bus that is no [bus.Requester], and what
// [bus.Requester] and [bus.Bus] return for the answering and for the subscription to heartbeats; nothing is left behind then.
func Serve(ctx context.Context, b bus.Bus, options Options) (*Service, error) {
	o, err := options.withDefaults(b)
	if err != nil {
		return nil, err
	}
	host, _ := os.Hostname() // "" if it has no name
	publisher := b.Statistics().Publisher
	s := &Service{
		bus: b, options: o,
		identity: StatusReport{
			ID: o.ID, Program: o.Program, Version: o.Version, PID: os.Getpid(), Host: host, Started: time.Now().UTC(), Publisher: publisher.String(),
		},
	}
	s.life, s.end = context.WithCancel(context.Background())
	s.heart.init(o.Heartbeat)
	s.monitor = newMonitor(b, o, publisher)
	if err := s.start(ctx); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func (s *Service) start(ctx context.Context) error {
	receiver, err := s.bus.Subscribe(ctx, s.monitor.subscription())
	switch {
	case errors.Is(err, bus.ErrForbidden):
		s.options.Logger.Warn("the server does not permit this process to hear the heartbeats of others", "error", err)
	case err != nil:
		return err
	default:
		s.hears = true
		s.running.Go(func() { s.monitor.run(s.life, receiver) })
	}
	if err := s.respond(ctx); err != nil {
		return err
	}
	s.running.Go(func() { s.beat(s.life) })
	return nil
}

// SetHeartbeat changes the interval of the heartbeats. It returns a [*bus.InvalidError] for one out of range.
func (s *Service) SetHeartbeat(interval time.Duration) error {
	if err := CheckHeartbeat(interval); err != nil {
		return err
	}
	s.heart.set(interval)
	return nil
}

// Stopping says to everybody that this component is about to end: it still answers, and nobody will miss its heartbeats.
func (s *Service) Stopping() {
	if !s.stopping.Swap(true) {
		s.heart.wake()
	}
}

// Stop ends the answers and the heartbeats, of which the last one says that the component is stopping. It waits until nothing of the service
// runs any more.
func (s *Service) Stop() {
	s.stop.Do(func() {
		for _, stop := range s.answers {
			stop()
		}
		s.stopping.Store(true)
		s.end()
		if s.hears {
			ctx, cancel := context.WithTimeout(context.Background(), unsubscribeTimeout)
			defer cancel()
			// An error means that the server is away or the bus is shut down: the subscription has ended all the same.
			_ = s.bus.Unsubscribe(ctx, s.monitor.subscriberID())
		}
		s.running.Wait()
	})
}

// health returns how the component is.
func (s *Service) health(statistics *bus.Statistics) (bus.Health, []string) {
	var more []string
	if s.options.Reasons != nil {
		more = s.options.Reasons()
	}
	reasons := health.Reasons(statistics, 0, more...)
	switch {
	case s.stopping.Load() || statistics.Closed:
		return bus.HealthStopping, reasons
	case len(reasons) > 0:
		return bus.HealthDegraded, reasons
	}
	return bus.HealthHealthy, reasons
}
