package show_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/show"
)

func TestLosses(t *testing.T) {
	peer := uuid.MustParse("018f0000-0000-7000-8000-000000000001")
	losses := []bus.Loss{
		{Publisher: peer, Topic: "events.process.lifecycle", First: 5, Last: 21, Count: 17},
		{Publisher: peer, Topic: "events.x.\x1b[2J\nforged", First: 3, Last: 3, Count: 1},
		{Publisher: peer, Topic: "events.a.b", First: 1, Last: 9, Count: 2},
		{Publisher: peer, Topic: "events.a.c", First: 1, Last: 1, Count: 1},
		{Count: 40},
	}
	for n, want := range map[int]string{
		0: "",
		1: "events.process.lifecycle #5 to #21 (17 events) of publisher 018f0000-0000-7000-8000-000000000001",
		2: "events.process.lifecycle #5 to #21 (17 events) of publisher 018f0000-0000-7000-8000-000000000001, " +
			`events.x.\x1b[2J\nforged #3 of publisher 018f0000-0000-7000-8000-000000000001`,
		5: "events.process.lifecycle #5 to #21 (17 events) of publisher 018f0000-0000-7000-8000-000000000001, " +
			`events.x.\x1b[2J\nforged #3 of publisher 018f0000-0000-7000-8000-000000000001, ` +
			"events.a.b #1 to #9 (2 events) of publisher 018f0000-0000-7000-8000-000000000001, and at least 2 more topics or publishers",
		4: "events.process.lifecycle #5 to #21 (17 events) of publisher 018f0000-0000-7000-8000-000000000001, " +
			`events.x.\x1b[2J\nforged #3 of publisher 018f0000-0000-7000-8000-000000000001, ` +
			"events.a.b #1 to #9 (2 events) of publisher 018f0000-0000-7000-8000-000000000001, and 1 more topics or publishers",
	} {
		require.Equal(t, want, show.Losses(losses[:n]))
	}
	require.Equal(t, "40 events of other publishers and topics", show.Losses(losses[4:]))
}
