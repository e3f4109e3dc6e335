package natsbus_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/natsbus"
)

// TestNobodyAnswersInAnothersPlace: an agent asks the network collector for something and follows the workflow. Another collector,
// which has seen its ID, can say that what it publishes belongs to it, but not that it is the network collector.
func TestNobodyAnswersInAnothersPlace(t *testing.T) {
	server := startListening(t)
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	agent := attachAs(t, server, embed.Agent)
	begun := bus.NewCorrelation()
	workflow := bus.CorrelationFilter{RootIDs: []string{begun.RootID}}
	follow := func(id string, sources ...string) bus.Receiver {
		r, err := agent.Subscribe(background(t), bus.Subscription{
			ID: id, Patterns: []string{"events.#"}, Correlations: workflow, Events: bus.EventFilter{Sources: sources},
		})
		require.NoError(t, err)
		return r
	}
	answers, claims := follow("answers", "network"), follow("claims")

	answer := func(number int, fields map[string]any) []byte {
		fields["type"], fields["payload"] = "finding", map[string]any{"number": number}
		fields["correlation"] = map[string]any{"correlation_id": "step", "parent_id": begun.ID, "root_id": begun.RootID}
		message, err := msgpack.Marshal(fields)
		require.NoError(t, err)
		return message
	}
	process, network := plainAs(t, server, "process"), plainAs(t, server, "network")
	require.NoError(t, process.Publish("events.process.anomaly", answer(1, map[string]any{"source": "network"})))
	require.NoError(t, process.Publish("events.network.anomaly", answer(2, map[string]any{})))
	require.NoError(t, process.Publish("events.process.anomaly", answer(3, map[string]any{"source": "process"})))
	require.NoError(t, process.Publish("events.process.anomaly", answer(4, map[string]any{})))
	require.NoError(t, process.Flush())
	require.NoError(t, network.Publish("events.network.anomaly", answer(5, map[string]any{"source": "network"})))

	number := func(r bus.Receiver) int {
		event, err := r.Next(background(t))
		require.NoError(t, err)
		var payload struct {
			Number int `msgpack:"number"`
		}
		raw, ok := event.Payload.(*bus.Raw)
		require.True(t, ok, "%T", event.Payload)
		require.NoError(t, msgpack.Unmarshal(raw.Data, &payload))
		return payload.Number
	}
	for _, want := range []int{3, 4, 5} {
		require.Equal(t, want, number(claims))
	}
	require.Equal(t, 5, number(answers), "what the network collector says, and nobody else")
	require.EqualValues(t, 1, inside.Statistics().Forged)
}
