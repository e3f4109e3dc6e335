package engine_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/daemoneye/eventbus/internal/engine"
)

func TestIDsAreUUIDs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Up to the year 2262, where Unix nanoseconds end.
		at := time.Unix(0, rapid.Int64Min(time.Now().UnixNano()).Draw(t, "time"))
		id := engine.NewIDs(uuid.New())(at.UnixNano())
		require.Equal(t, uuid.Version(7), id.Version())
		require.Equal(t, uuid.RFC4122, id.Variant())
		seconds, nanoseconds := id.Time().UnixTime()
		require.Equal(t, at.UnixMilli(), time.Unix(seconds, nanoseconds).UnixMilli(), "others read the time from it")
	})
}

func TestIDsGrow(t *testing.T) {
	next := engine.NewIDs(uuid.New())
	last := uuid.Nil.String()
	rapid.Check(t, func(t *rapid.T) {
		// Some nanoseconds on or back, or a whole second.
		at := time.Now().UnixNano() + rapid.Int64Range(-500, 500).Draw(t, "nanoseconds") + rapid.Int64Range(-1, 1).Draw(t, "seconds")*1e9
		id := next(at).String()
		require.Greater(t, id, last)
		last = id
	})
	require.Greater(t, next(-1).String(), last, "a clock before 1970")
}

func TestIDsAreUnique(t *testing.T) {
	const makers, each = 8, 20_000
	one, other := engine.NewIDs(uuid.New()), engine.NewIDs(uuid.New())
	made := make([][]uuid.UUID, makers)
	var running sync.WaitGroup
	for i := range made {
		running.Go(func() {
			for n := range each {
				next := one
				if n%2 == 0 {
					next = other
				}
				made[i] = append(made[i], next(1_000_000_000)) // the clock stands still
			}
		})
	}
	running.Wait()
	all := make(map[uuid.UUID]bool)
	for _, ids := range made {
		for _, id := range ids {
			all[id] = true
		}
	}
	require.Len(t, all, makers*each)
}
