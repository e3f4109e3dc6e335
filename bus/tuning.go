package bus

import "time"

// Tuning is the part of [Options] that can be changed while a bus runs. Its fields are those of Options, and so are their defaults.
type Tuning struct {
	QueueCapacity  int
	Overflow       OverflowPolicy
	CircuitBreak   CircuitBreak
	PublishTimeout time.Duration
}

// Tuner is implemented by a bus that can be tuned while it runs, as localbus and natsbus are.
type Tuner interface {
	// Tune makes subscriptions from now on, and publishers that wait from now on, use other defaults. Subscriptions that are there stay as
	// they are. It returns an [*InvalidError] for a value out of range, and has then changed nothing. It may be called from any goroutine.
	Tune(Tuning) error
}
