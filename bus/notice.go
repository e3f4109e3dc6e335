package bus

import "time"

const (
	// NoticeInterval is the least time between two notices to one subscriber.
	NoticeInterval = time.Second
	// MaxNoticeLosses bounds the entries of Notice.Losses.
	MaxNoticeLosses = 256
)

// Notice tells a subscriber what it has missed since its last notice, and the state of its circuit.
//
// It is given to Subscription.Notify, on a goroutine that is not the publisher's, never two at once for one subscription. The
// first one comes at once; what happens within NoticeInterval of a notice, or while Notify runs, comes together in the next.
// When the subscription ends, what is left to tell is told at once, possibly after Unsubscribe has returned.
//
// Notify may use the bus: publish, subscribe, and unsubscribe itself. It must return: Shutdown waits for it, until the
// context of Shutdown ends; so it must not call Shutdown.
type Notice struct {
	// Subscriber is the ID of the subscription.
	Subscriber string `json:"subscriber"`
	// Losses are the events that were lost on their way to this process, one entry for each publisher and topic. There are at
	// most MaxNoticeLosses, of which the last one, if it comes to that, sums up the rest.
	Losses []Loss `json:"losses,omitempty"`
	// Lost is the number of these events.
	Lost uint64 `json:"lost"`
	// Drops counts the events that reached this process and were dropped before the receiver could take them.
	Drops Drops `json:"drops"`
	// CutOff is how long the connection to other processes was lost, if it has been found again. What was lost by that is in
	// Losses, but for events of publishers that were killed meanwhile: nobody is left who could say.
	CutOff time.Duration `json:"cut_off_ns,omitempty"`
	// Circuit is the state of the circuit, empty unless the policy is [BreakCircuit].
	Circuit CircuitState `json:"circuit,omitempty"`
	// CircuitOpened counts how often the circuit has opened since the subscription began.
	CircuitOpened uint64 `json:"circuit_opened,omitempty"`
}
