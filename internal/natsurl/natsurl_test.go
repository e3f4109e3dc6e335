package natsurl_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/internal/natsurl"
)

func TestServers(t *testing.T) {
	for in, want := range map[string]string{
		"nats://h:4222":                   "nats://h:4222",
		"h":                               "nats://h",
		"nats://u:p@h:4222":               "nats://h:4222",
		"nats://token@h, tls://u:p@i:1":   "nats://h,tls://i:1",
		"u:p@h":                           "nats://h",
		"nats://u:p@ss@h":                 "nats://h",
		"nats://[::1]:4222,nats://h:4223": "nats://[::1]:4222,nats://h:4223",
		"wss://h/path?q=secret":           "wss://h",
	} {
		got, err := natsurl.Servers(in)
		require.NoError(t, err, in)
		require.Equal(t, want, got)
	}
}

func TestServersRefusesAndTellsNothing(t *testing.T) {
	for in, number := range map[string]string{
		"":                          "server 1 ",
		"nats://u:%zz-secret@h":     "server 1 ",
		"nats://ok:1,nats://u:sec@": "server 2 ",
		"nats://sec@h:port":         "server 1 ",
		"nats://u:sec,ret@h":        "server 1 ",
		"nats://u:pa/sec@%zz":       "server 1 ",
		"http://u:sec@h":            "server 1 ",
		"a,,b":                      "server 2 ",
	} {
		got, err := natsurl.Servers(in)
		require.ErrorContains(t, err, number, in)
		require.NotContains(t, err.Error(), "sec")
		require.Empty(t, got)
	}
}
