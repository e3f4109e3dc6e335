package eventbus_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/daemoneye/eventbus"
)

func TestByteSizeText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]eventbus.ByteSize{
		"0": 0, "1": 1, "17B": 17, "256KiB": 256 << 10, "1MB": 1_000_000, "1 MiB": 1 << 20, " 2gib ": 2 << 30, "3kB": 3000,
		"4GB": 4_000_000_000, "9223372036854775807": math.MaxInt64, "8589934591GiB": 8589934591 << 30,
	} {
		var got eventbus.ByteSize
		require.NoError(t, got.UnmarshalText([]byte(text)), text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{
		"", "KiB", "-1", "+1", "1.5MiB", "1_000", "0x10", "1TiB", "1 K iB", "9223372036854775808", "8589934592GiB",
		"18446744073709551616",
	} {
		got := eventbus.ByteSize(7)
		require.Error(t, got.UnmarshalText([]byte(text)), text)
		require.Equal(t, eventbus.ByteSize(7), got, text)
	}
}

func TestByteSizeString(t *testing.T) {
	t.Parallel()
	for size, want := range map[eventbus.ByteSize]string{
		0: "0", 1: "1", 1000: "1000", 1024: "1KiB", 1536: "1536", 256 << 10: "256KiB", 3 << 30: "3GiB", 1 << 42: "4096GiB",
	} {
		require.Equal(t, want, size.String())
	}
}

func TestByteSizeRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := eventbus.ByteSize(rapid.Int64Min(0).Draw(t, "size"))
		text, err := want.MarshalText()
		require.NoError(t, err)
		var got eventbus.ByteSize
		require.NoError(t, got.UnmarshalText(text))
		require.Equal(t, want, got)
	})
}
