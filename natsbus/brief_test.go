package natsbus_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/link"
	"github.com/daemoneye/eventbus/natsbus"
)

// variousEvents differ in what batches leave out.
func variousEvents() []bus.Event {
	first := bus.NewCorrelation()
	events := make([]bus.Event, 5)
	for i := range events {
		events[i] = process(uint32(i))
		events[i].Topic = "events.process.tree"
	}
	events[1].Correlation = first
	events[2].Correlation = first.Child()
	events[3].Source, events[3].Metadata = "one", bus.Metadata{"k": "v"}
	events[4].Payload = &bus.Raw{Name: "usb", Data: []byte{0x81, 0xa4, 'p', 'o', 'r', 't', 3}}
	return events
}

// TestEventsAreTheSameEverywhere publishes from both sides, to a bus on either and to plain clients, whose events are whole.
func TestEventsAreTheSameEverywhere(t *testing.T) {
	for name, withPlain := range map[string]bool{"buses": false, "buses and a plain client": true} {
		t.Run(name, func(t *testing.T) {
			server := startServer(t)
			inside := closing(t)(natsbus.InProcess(background(t), server, nil))
			one, two := attach(t, server), attach(t, server)
			atInside, atOne, atTwo := subscribe(t, inside, "s", "#"), subscribe(t, one, "s", "#"), subscribe(t, two, "s", "#")
			var atPlain *nats.Subscription
			if withPlain {
				atPlain = plainSubscription(t, server, "events.>")
			}
			for _, publisher := range []*natsbus.Bus{inside, one} {
				for _, event := range variousEvents() {
					require.NoError(t, publisher.Publish(background(t), event))
				}
				require.NoError(t, publisher.Flush(background(t)))
				for range variousEvents() {
					want, err := atInside.Next(background(t))
					require.NoError(t, err)
					require.NotEmpty(t, want.Correlation.RootID)
					for _, r := range []bus.Receiver{atOne, atTwo} {
						got, err := r.Next(background(t))
						require.NoError(t, err)
						require.Equal(t, inUTC(want), inUTC(got))
					}
					if withPlain {
						msg, err := atPlain.NextMsg(patience)
						require.NoError(t, err)
						whole, err := want.MarshalMsg(nil)
						require.NoError(t, err)
						require.Equal(t, whole, msg.Data)
					}
				}
			}
			requireNothingElse(t, inside, one, two)
		})
	}
}

// inUTC returns the event as JSON has it: a time that crossed no wire may be in another zone.
func inUTC(event *bus.Event) string {
	text, err := event.MarshalJSON()
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// TestBatchesAreBrief looks at what another bus gets from either side. That buses read what is as in a message of its own, too, is seen in
// TestGarbageInABatch.
func TestBatchesAreBrief(t *testing.T) {
	server := startServer(t)
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	one := attach(t, server)
	nc := raw(t, server, uuid.New())
	batches, err := nc.SubscribeSync(link.BatchPrefix + "events.>")
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	for _, publisher := range []*natsbus.Bus{inside, one} {
		require.NoError(t, publisher.Publish(background(t), process(7)))
		msg, err := batches.NextMsg(patience)
		require.NoError(t, err)
		var events []bus.Event
		require.NoError(t, natsbus.ReadBatch(msg.Data, func(encoded []byte) {
			var event bus.Event
			_, err := event.UnmarshalMsg(encoded)
			require.NoError(t, err)
			events = append(events, event)
		}))
		require.Len(t, events, 1)
		require.Equal(t, uint32(7), events[0].Payload.(*bus.ProcessEvent).PID)
		require.Empty(t, events[0].Topic)
		require.Equal(t, bus.Correlation{}, events[0].Correlation)
		whole, err := events[0].MarshalMsg(nil)
		require.NoError(t, err)
		require.Less(t, len(msg.Data), len(whole), "no keys are in it")
	}
	requireNothingElse(t, inside, one)
}
