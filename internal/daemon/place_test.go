package daemon_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/internal/daemon"
)

func TestArgumentsAreQuotedForAShell(t *testing.T) {
	for argument, want := range map[string]string{
		"/run/user/1000/eventbus.sock": "/run/user/1000/eventbus.sock",
		"/tmp/it's":                    `'/tmp/it'\''s'`,
		"a b":                          "'a b'",
		"$HOME":                        "'$HOME'",
		"~":                            "'~'",
		"":                             "''",
	} {
		require.Equal(t, want, daemon.QuoteArgument(argument))
	}
}

func TestGoRunIsKnownByItsDirectory(t *testing.T) {
	require.True(t, daemon.IsGoRun(filepath.FromSlash("/tmp/go-build123/b001/exe/collector")))
	require.True(t, daemon.IsGoRun(filepath.FromSlash("/home/u/.cache/go-build/f0/f00-d/collector")))
	require.False(t, daemon.IsGoRun(filepath.FromSlash("/usr/local/bin/collector")))
}

func TestEndpointsOfTheUsualSocketNeedNoFlag(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", dir)
	t.Setenv("XDG_STATE_HOME", dir+"/state")
	usual := filepath.Join(dir, "eventbus", "eventbus.sock")
	require.Equal(t, "listening on "+usual+"\nwatch it with: eventbus watch 'events.#'\n",
		daemon.DescribeEndpoints(eventbus.Endpoints{Socket: usual, TokenFile: usual + ".token"}))
	require.Equal(t, "listening on /s\nwatch it with: eventbus watch --socket /s 'events.#'\n"+
		"NATS clients: nats://127.0.0.1:4222, with an nkey in /c\n",
		daemon.DescribeEndpoints(eventbus.Endpoints{Socket: "/s", Credentials: "/c", URL: "nats://127.0.0.1:4222"}))
}

func TestServersAreShownWithoutCredentials(t *testing.T) {
	require.Equal(t, "publishing to nats://a:4222\nwatch it with: eventbus watch --url nats://a:4222 'events.#'\n",
		daemon.DescribeServers("nats://a:4222"))
	text := daemon.DescribeServers("nats://user:se@cret@a:4222, token@b")
	require.Contains(t, text, "publishing to nats://a:4222,b\n")
	require.Contains(t, text, "credentials")
	require.NotContains(t, text, "cret")
	require.NotContains(t, text, "token")
}
