package credentials_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/internal/credentials"
)

func TestMakeKeepsTheSeedOnRequest(t *testing.T) {
	store := open(t)
	before := time.Now().Truncate(time.Second)
	made, seed, err := store.Make(t.Context(), "me", "observer", true)
	require.NoError(t, err)
	require.Equal(t, public(t, seed), made.Public)
	require.Equal(t, credentials.Credential{Name: "me", Role: "observer", Public: made.Public, Created: made.Created, HasSeed: true}, made)
	require.False(t, made.Created.Before(before))
	require.Equal(t, []credentials.Credential{made}, list(t, store))
	require.Equal(t, map[string]credentials.Credential{made.Public: made}, load(t, store))

	content, err := os.ReadFile(store.SeedFile("me"))
	require.NoError(t, err)
	require.Equal(t, seed, content, "the seed and nothing else")
	kept, err := credentials.ReadSeed(store.SeedFile("me"))
	require.NoError(t, err)
	require.Equal(t, seed, kept)
}

func TestMakeHandsTheSeedOutOnce(t *testing.T) {
	store := open(t)
	made, seed, err := store.Make(t.Context(), "phone", "observer", false)
	require.NoError(t, err)
	require.Equal(t, public(t, seed), made.Public)
	require.False(t, made.HasSeed)
	require.Equal(t, []string{"phone.pub"}, files(t, store))
	require.Equal(t, []credentials.Credential{made}, list(t, store))
	require.Equal(t, map[string]credentials.Credential{made.Public: made}, load(t, store))
}

func TestMakeLeavesWhatIsThere(t *testing.T) {
	store := open(t)
	made, _, err := store.Make(t.Context(), "me", "observer", true)
	require.NoError(t, err)
	for _, keep := range []bool{true, false} {
		_, seed, err := store.Make(t.Context(), "me", "agent", keep)
		require.ErrorIs(t, err, credentials.ErrExists)
		require.ErrorContains(t, err, "me")
		require.Nil(t, seed)
	}
	require.Equal(t, []credentials.Credential{made}, list(t, store))
}

func TestEnsure(t *testing.T) {
	store := open(t)
	made, err := store.Ensure(t.Context(), "agent", "agent")
	require.NoError(t, err)
	require.True(t, made.HasSeed)
	for _, role := range []string{"agent", "observer"} {
		again, err := store.Ensure(t.Context(), "agent", role)
		require.NoError(t, err)
		require.Equal(t, made, again, "it stays as it is")
	}
	handedOut, _, err := store.Make(t.Context(), "phone", "observer", false)
	require.NoError(t, err)
	again, err := store.Ensure(t.Context(), "phone", "observer")
	require.NoError(t, err)
	require.Equal(t, handedOut, again)
	require.Equal(t, []credentials.Credential{made, handedOut}, list(t, store), "by name")
}

func TestRotate(t *testing.T) {
	for _, keep := range []bool{true, false} {
		t.Run(fmt.Sprint("keep=", keep), func(t *testing.T) {
			store := open(t)
			made, old, err := store.Make(t.Context(), "me", "observer", keep)
			require.NoError(t, err)
			rotated, seed, err := store.Rotate(t.Context(), "me")
			require.NoError(t, err)
			require.NotEqual(t, old, seed)
			require.NotEqual(t, made.Public, rotated.Public)
			require.Equal(t, public(t, seed), rotated.Public)
			require.Equal(t, credentials.Credential{Name: "me", Role: "observer", Public: rotated.Public, Created: rotated.Created, HasSeed: keep}, rotated)
			require.Equal(t, []credentials.Credential{rotated}, list(t, store))
			require.Equal(t, map[string]credentials.Credential{rotated.Public: rotated}, load(t, store), "and the old key is gone")
			if keep {
				kept, err := credentials.ReadSeed(store.SeedFile("me"))
				require.NoError(t, err)
				require.Equal(t, seed, kept)
			}
		})
	}
	_, _, err := open(t).Rotate(t.Context(), "me")
	require.ErrorIs(t, err, credentials.ErrNotFound)
}

func TestRevoke(t *testing.T) {
	store := open(t)
	for _, keep := range []bool{true, false} {
		_, _, err := store.Make(t.Context(), "me", "observer", keep)
		require.NoError(t, err)
		require.NoError(t, store.Revoke(t.Context(), "me"))
		require.Empty(t, files(t, store))
		require.Empty(t, load(t, store))
		require.ErrorIs(t, store.Revoke(t.Context(), "me"), credentials.ErrNotFound)
	}
}

// Of several that make the same credential at once, in stores of their own, one does.
func TestConcurrentMakesOfOneName(t *testing.T) {
	dir := open(t).Dir()
	const makers = 8
	type result struct {
		made credentials.Credential
		seed []byte
		err  error
	}
	results := make([]result, makers)
	var makes sync.WaitGroup
	for i := range makers {
		makes.Go(func() {
			store, err := credentials.Open(dir)
			if err == nil {
				r := &results[i]
				r.made, r.seed, err = store.Make(t.Context(), "me", "observer", i%2 == 0)
			}
			results[i].err = err
		})
	}
	makes.Wait()
	store, err := credentials.Open(dir)
	require.NoError(t, err)
	there := list(t, store)
	require.Len(t, there, 1)
	succeeded := 0
	for _, r := range results {
		if r.err != nil {
			require.ErrorIs(t, r.err, credentials.ErrExists)
			continue
		}
		succeeded++
		require.Equal(t, there[0], r.made)
		require.Equal(t, there[0].Public, public(t, r.seed))
	}
	require.Equal(t, 1, succeeded)
}

// While tools change credentials, a server sees each of them whole, and those that nobody changes all the time.
func TestAServerNeverSeesHalfACredential(t *testing.T) {
	store := open(t)
	still, _, err := store.Make(t.Context(), "still", "agent", true)
	require.NoError(t, err)
	var tools sync.WaitGroup
	for i := range 3 {
		tools.Go(func() {
			own := fmt.Sprint("own-", i)
			for range 10 {
				_, err := store.Ensure(t.Context(), "shared", "observer")
				_, _, rotateErr := store.Rotate(t.Context(), "shared")
				_, _, makeErr := store.Make(t.Context(), own, "observer", i == 0)
				if err := errors.Join(err, rotateErr, makeErr, store.Revoke(t.Context(), own)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { defer close(done); tools.Wait() }()
	for changing := true; changing; {
		select {
		case <-done:
			changing = false
		default:
		}
		keys := load(t, store)
		require.Equal(t, still, keys[still.Public])
		for _, c := range keys {
			require.Contains(t, []string{"agent", "observer"}, c.Role)
		}
		list(t, store) // whatever is there is in order
	}
	require.Equal(t, []string{"shared.nk", "shared.pub", "still.nk", "still.pub"}, files(t, store))
}

// What a killed tool leaves behind is not seen, and goes with the next change.
func TestHalfWrittenFilesAreRemoved(t *testing.T) {
	store := open(t)
	made, _, err := store.Make(t.Context(), "me", "observer", true)
	require.NoError(t, err)
	for _, name := range []string{"me.nk.123.new", "me.pub.4.new", "other.pub.5.new"} {
		write(t, filepath.Join(store.Dir(), name), "SUAB")
	}
	require.Equal(t, []credentials.Credential{made}, list(t, store))
	require.Equal(t, map[string]credentials.Credential{made.Public: made}, load(t, store))
	_, err = store.Ensure(t.Context(), "me", "observer")
	require.NoError(t, err)
	require.Equal(t, []string{"me.nk", "me.pub"}, files(t, store))
}

// A tool that was killed between the two files of a rotation leaves the client with the new seed and the server with the old key.
func TestAnInterruptedRotationIsFinished(t *testing.T) {
	interrupt := func(t *testing.T) (store *credentials.Store, old, stored credentials.Credential) {
		store = open(t)
		old, _, err := store.Make(t.Context(), "me", "observer", true)
		require.NoError(t, err)
		line, err := os.ReadFile(filepath.Join(store.Dir(), "me.pub"))
		require.NoError(t, err)
		stored, _, err = store.Rotate(t.Context(), "me")
		require.NoError(t, err)
		write(t, filepath.Join(store.Dir(), "me.pub"), string(line))
		return store, old, stored
	}
	t.Run("it is reported", func(t *testing.T) {
		store, old, _ := interrupt(t)
		all, skipped, err := store.List(t.Context())
		require.NoError(t, err)
		old.HasSeed = false
		require.Equal(t, []credentials.Credential{old}, all)
		require.Len(t, skipped, 1)
		require.ErrorContains(t, skipped[0], store.SeedFile("me")+": belongs to another key")
		require.Contains(t, load(t, store), old.Public)
	})
	t.Run("by Ensure", func(t *testing.T) {
		store, _, stored := interrupt(t)
		made, err := store.Ensure(t.Context(), "me", "observer")
		require.NoError(t, err)
		require.Equal(t, stored.Public, made.Public)
		require.Equal(t, []credentials.Credential{made}, list(t, store))
	})
	t.Run("by Rotate", func(t *testing.T) {
		store, _, _ := interrupt(t)
		made, _, err := store.Rotate(t.Context(), "me")
		require.NoError(t, err)
		require.True(t, made.HasSeed)
		require.Equal(t, []credentials.Credential{made}, list(t, store))
	})
}

// A tool that was killed between the two files of a new credential, or of a revoked one, leaves a seed.
func TestASeedAloneIsNoCredential(t *testing.T) {
	leave := func(t *testing.T) *credentials.Store {
		store := open(t)
		_, _, err := store.Make(t.Context(), "me", "observer", true)
		require.NoError(t, err)
		require.NoError(t, os.Remove(filepath.Join(store.Dir(), "me.pub")))
		return store
	}
	t.Run("it is reported to people", func(t *testing.T) {
		store := leave(t)
		all, skipped, err := store.List(t.Context())
		require.NoError(t, err)
		require.Empty(t, all)
		require.Len(t, skipped, 1)
		require.ErrorContains(t, skipped[0], store.SeedFile("me"))
		require.Empty(t, load(t, store), "a server may have looked between the two")
	})
	for _, keep := range []bool{true, false} {
		t.Run(fmt.Sprint("Make replaces it, keep=", keep), func(t *testing.T) {
			store := leave(t)
			made, _, err := store.Make(t.Context(), "me", "observer", keep)
			require.NoError(t, err)
			require.Equal(t, keep, made.HasSeed)
			require.Equal(t, []credentials.Credential{made}, list(t, store))
		})
	}
	t.Run("Ensure replaces it", func(t *testing.T) {
		store := leave(t)
		made, err := store.Ensure(t.Context(), "me", "observer")
		require.NoError(t, err)
		require.Equal(t, []credentials.Credential{made}, list(t, store))
	})
	t.Run("Revoke removes it", func(t *testing.T) {
		store := leave(t)
		require.NoError(t, store.Revoke(t.Context(), "me"))
		require.Empty(t, files(t, store))
	})
	t.Run("there is nothing to rotate", func(t *testing.T) {
		_, _, err := leave(t).Rotate(t.Context(), "me")
		require.ErrorIs(t, err, credentials.ErrNotFound)
	})
}

func TestALockThatIsHeldIsWaitedFor(t *testing.T) {
	store := open(t)
	unlock, err := credentials.LockDir(t.Context(), store.Dir())
	require.NoError(t, err)
	ctx, cancel := contextFor(t, 20*time.Millisecond)
	defer cancel()
	_, _, err = store.Make(ctx, "me", "observer", true)
	require.ErrorIs(t, err, ctx.Err())
	require.ErrorContains(t, err, store.Dir())
	_, _, err = store.List(ctx)
	require.ErrorIs(t, err, ctx.Err())
	require.Empty(t, load(t, store), "a server waits for nobody")
	made := make(chan error, 1)
	go func() {
		_, err := store.Ensure(t.Context(), "me", "observer")
		made <- err
	}()
	unlock()
	require.NoError(t, <-made)
}
