package natsbus_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/internal/link"
	"github.com/daemoneye/eventbus/natsbus"
)

// holdUp is a log that holds up who says that a message is malformed: the goroutine that receives.
type holdUp struct {
	slog.Handler
	reached, release chan struct{}
}

func (h *holdUp) Enabled(context.Context, slog.Level) bool { return true }

func (h *holdUp) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "no valid event") {
		close(h.reached)
		<-h.release
	}
	return nil
}

// TestInterestThatEndsMakesNoFalseLoss has an event in the inbox from before a subscription, and one that nobody wanted.
func TestInterestThatEndsMakesNoFalseLoss(t *testing.T) {
	server := startServer(t)
	g := &holdUp{reached: make(chan struct{}), release: make(chan struct{})}
	p := closing(t)(natsbus.InProcess(background(t), server, nil))
	b := closing(t)(natsbus.Attach(background(t), server.Socket(), &natsbus.Options{Bus: bus.Options{Logger: slog.New(g)}}))
	subscribe(t, b, "old", "events.process.+")
	const batches = link.BatchPrefix + "events.process.lifecycle"
	nc, err := nats.Connect("", nats.InProcessServer(server), nats.Token(server.Secret())) // as the server's own bus
	require.NoError(t, err)
	defer nc.Close()
	require.NoError(t, nc.Publish(batches, []byte("garbage")))
	require.NoError(t, nc.Flush())
	<-g.reached
	before := natsbus.ReceivedMessages(b)
	require.NoError(t, p.Publish(background(t), process(1)))
	require.Eventually(t, func() bool { return natsbus.ReceivedMessages(b) > before }, patience, time.Millisecond)
	require.NoError(t, b.Unsubscribe(background(t), "old"))
	require.Eventually(t, func() bool { return server.Interest(batches) == 0 }, patience, time.Millisecond)
	require.NoError(t, p.Publish(background(t), process(2))) // nobody is there
	s := subscribe(t, b, "new", "events.process.+")
	require.NoError(t, p.Publish(background(t), process(3)))
	close(g.release)
	for pid := uint32(0); pid != 3; {
		pid = nextPID(t, s)
	}
	require.NoError(t, p.Flush(background(t)))
	require.NoError(t, b.Flush(background(t)))
	require.Zero(t, s.Statistics().Lost)
}

// TestInterestThatComesAndGoesUnderLoad has an embedded publisher look for interest all the time. Now and then it waits until the other bus
// has read what there is: one that is left behind has its connection cut.
func TestInterestThatComesAndGoesUnderLoad(t *testing.T) {
	server := startServer(t)
	p := closing(t)(natsbus.InProcess(background(t), server, nil))
	b := closing(t)(natsbus.Attach(background(t), server.Socket(), nil))
	stop := make(chan struct{})
	var publishing sync.WaitGroup
	publishing.Go(func() {
		for burst := 1; ; burst++ {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Microsecond):
			}
			var err error
			for range 20 {
				err = errors.Join(err, p.Publish(context.Background(), process(1)))
			}
			if burst%10 == 0 {
				err = errors.Join(err, p.Flush(context.Background()), b.Flush(context.Background()))
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	for i := range 300 {
		s := subscribe(t, b, fmt.Sprint("s", i), "events.process.+")
		for range 60 {
			nextPID(t, s)
		}
		require.Zero(t, s.Statistics().Lost, i)
		require.NoError(t, b.Unsubscribe(background(t), s.ID()))
	}
	close(stop)
	publishing.Wait()
	require.Zero(t, b.Statistics().Overruns)
}

// TestAForgedNumberSilencesNobody announces, in the name of a publisher, a number that it will never reach.
func TestAForgedNumberSilencesNobody(t *testing.T) {
	server := startServer(t)
	b := closing(t)(natsbus.InProcess(background(t), server, nil))
	p := closing(t)(natsbus.Attach(background(t), server.Socket(), nil))
	s := subscribe(t, b, "s")
	nc := plain(t, server)
	id := p.Statistics().Publisher
	data, err := msgpack.Marshal(map[string]any{"publisher": id[:], "age": 0, "topics": map[string]uint64{"events.process.lifecycle": 1 << 62}})
	require.NoError(t, err)
	require.NoError(t, nc.Publish("eventbus.sequences", data))
	require.NoError(t, nc.Flush())
	for pid := range uint32(10) {
		require.NoError(t, p.Publish(background(t), process(pid)))
		require.Equal(t, pid, nextPID(t, s))
	}
}

// TestAnnouncementsFitTheServer has a server that takes little at once, and more topics than fit.
func TestAnnouncementsFitTheServer(t *testing.T) {
	const topics, maxPayload = 300, 2048
	dir, err := os.MkdirTemp("", "eb")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	server, err := embed.Start(background(t), &embed.Options{Socket: filepath.Join(dir, "s"), Listen: "127.0.0.1:0", MaxPayload: maxPayload, Role: embed.Trusted})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(background(t))) })
	closing(t)(natsbus.InProcess(background(t), server, nil))
	p, nc := attach(t, server), raw(t, server, uuid.New())
	announcements := make(chan *nats.Msg, topics)
	_, err = nc.ChanSubscribe("eventbus.sequences", announcements)
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	for i := range topics {
		event := process(1)
		event.Topic = fmt.Sprintf("events.process.some-longer-name-%d", i)
		require.NoError(t, p.Publish(background(t), event))
	}
	require.NoError(t, p.Flush(background(t)))
	seen := map[string]bool{}
	ctx := background(t)
	for len(seen) < topics {
		select {
		case msg := <-announcements:
			require.LessOrEqual(t, len(msg.Data), maxPayload)
			_, told, err := natsbus.DecodeAnnouncement(msg.Data)
			require.NoError(t, err)
			for topic := range told {
				seen[topic] = true
			}
		case <-ctx.Done():
			require.FailNow(t, "not all topics are announced", "%d are", len(seen))
		}
	}
}

// TestWhoOnlyPublishesHearsNobody: a fleet of collectors would be busy with each other's announcements.
func TestWhoOnlyPublishesHearsNobody(t *testing.T) {
	server := startServer(t)
	a := closing(t)(natsbus.Attach(background(t), server.Socket(), nil))
	b := closing(t)(natsbus.Attach(background(t), server.Socket(), nil))
	for range 10 {
		require.NoError(t, a.Publish(background(t), process(1)))
		require.NoError(t, a.Flush(background(t)))
	}
	require.NoError(t, b.Flush(background(t)), "what was for it has come")
	require.Zero(t, natsbus.ReceivedMessages(b))
}

func TestAnnouncementsAreBounded(t *testing.T) {
	topics := map[string]int{}
	for i := range 513 {
		topics[fmt.Sprint("events.a.t", i)] = 1
	}
	data, err := msgpack.Marshal(map[string]any{"publisher": make([]byte, 16), "topics": topics})
	require.NoError(t, err)
	_, _, err = natsbus.DecodeAnnouncement(data)
	require.ErrorIs(t, err, bus.ErrInvalid)
	require.ErrorContains(t, err, "limit")
}

func TestLastWordsAreBounded(t *testing.T) {
	for _, c := range []struct{ publishers, topics, remembered int }{
		{3, 1, 3}, {1000, 1, 256}, {100, 1000, 65}, {3, 1 << 16, 1}, {3, 1<<16 + 1, 0},
	} {
		var words natsbus.LastWords
		words.Hear("", c.publishers, c.topics)
		remembered, total := words.Remembered("")
		require.Equal(t, c.remembered, remembered, "%+v", c)
		require.Equal(t, c.remembered*c.topics, total)
	}
}

// TestTheLastWordsOfOneRolePushOutItsOwn: those of another one stay, be they many or long.
func TestTheLastWordsOfOneRolePushOutItsOwn(t *testing.T) {
	for _, flood := range []struct{ publishers, topics int }{{1000, 1}, {30, 1 << 13}, {3, 1 << 16}} {
		var words natsbus.LastWords
		words.Hear("agent", 10, 20)
		words.Hear("process", flood.publishers, flood.topics)
		words.Hear("network", 10, 20)
		for _, role := range []string{"agent", "network"} {
			publishers, topics := words.Remembered(role)
			require.Equal(t, 10, publishers, "%s after %+v", role, flood)
			require.Equal(t, 200, topics, "%s after %+v", role, flood)
		}
		_, topics := words.Remembered("process")
		require.Less(t, topics, 1<<16)
	}
}

// TestAnAnnouncementOfNoAgeThereCanBeIsRefused: as a signed number of nanoseconds it would make its publisher start in the future.
func TestAnAnnouncementOfNoAgeThereCanBeIsRefused(t *testing.T) {
	for age, want := range map[uint64]error{0: nil, math.MaxInt64 / 2: nil, math.MaxInt64/2 + 1: bus.ErrInvalid, math.MaxUint64: bus.ErrInvalid} {
		publisher := uuid.New()
		data, err := msgpack.Marshal(map[string]any{"publisher": publisher[:], "age": age, "topics": map[string]uint64{"events.a.b": 1}})
		require.NoError(t, err)
		_, _, err = natsbus.DecodeAnnouncement(data)
		require.ErrorIs(t, err, want, age)
	}
}

// TestLastWordsAreForgotten after their time, also behind one that is never whole and so is heard anew all the time.
func TestLastWordsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var words natsbus.LastWords
		unfinished := uuid.New()
		words.HearPart(unfinished)
		words.Hear("agent", 3, 2)
		for range 10 {
			time.Sleep(time.Minute)
			words.HearPart(unfinished)
			remembered, _ := words.Remembered("agent")
			require.Equal(t, 3, remembered)
		}
		time.Sleep(time.Second)
		remembered, _ := words.Remembered("agent")
		require.Zero(t, remembered)
	})
}
