package main_test

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// fetch asks a running collector.
func fetch(t testing.TB, url string) (code int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(background(t), http.MethodGet, url, nil)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(text)
}

// metricsURL finds out where a collector says that its metrics are, and returns it without the path.
func metricsURL(t testing.TB, c *collector) string {
	t.Helper()
	line := regexp.MustCompile(`(?m)^metrics: (http://127\.0\.0\.1:\d+)/metrics$`).FindStringSubmatch(c.stdout.String())
	require.NotNil(t, line, c.stdout.String())
	return line[1]
}

func TestMetricsAreServedIfWanted(t *testing.T) {
	dir := runtimeDir(t)
	c := start(t, dir, "--http", "127.0.0.1:0")
	require.Equal(t, 3, strings.Count(c.stdout.String(), "\n"))
	url := metricsURL(t, c)
	seeNap(t, watch(t, attach(t, dir), "watcher"))
	_, body := fetch(t, url+"/metrics")
	require.Regexp(t, `(?m)^eventbus_topic_published_events_total\{topic="events\.process\.lifecycle"\} [1-9]\d*$`, body)
	require.Regexp(t, `(?m)^eventbus_server_clients 1$`, body)
	for _, path := range []string{"/healthz", "/readyz"} {
		code, body := fetch(t, url+path)
		require.Equal(t, []any{200, "ok\n"}, []any{code, body})
	}
	code, _ := fetch(t, url+"/debug/pprof/")
	require.Equal(t, 404, code)
	c.signal(t, syscall.SIGTERM)
	require.Equal(t, 0, c.wait(t))
	_, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	require.Error(t, err)
}

// TestTheHealthOfAnEndIsServed has a reader of standard output that does not read, so that the end takes its time.
func TestTheHealthOfAnEndIsServed(t *testing.T) {
	dir := runtimeDir(t)
	c, read := startUnread(t, dir, "--http", "127.0.0.1:0", "--shutdown-timeout", "1h")
	place := make([]byte, 4096)
	n, err := read.Read(place)
	require.NoError(t, err)
	c.stdout.Write(place[:n])
	url := metricsURL(t, c)
	flood(t, dir, pipeful)
	c.signal(t, syscall.SIGTERM)
	require.Eventually(t, func() bool {
		code, body := fetch(t, url+"/healthz")
		return code == 503 && body == "the bus is shut down\n"
	}, patience, step)
	require.NoError(t, read.Close())
	require.Equal(t, 0, c.wait(t))
}

func TestATakenMetricsAddressIsAnError(t *testing.T) {
	dir, other := runtimeDir(t), runtimeDir(t)
	first := start(t, dir, "--http", "127.0.0.1:0")
	address := strings.TrimPrefix(metricsURL(t, first), "http://")
	config := filepath.Join(other, "c.toml")
	require.NoError(t, os.WriteFile(config, []byte("[http]\nlisten = \""+address+"\"\n"), 0o600))
	second := launch(t, command(other, "--config", config))
	require.Equal(t, 1, second.wait(t))
	require.Contains(t, second.stderr.String(), "\ncollector: observe: start: listen tcp "+address+": ")
	require.NoFileExists(t, socketIn(other))
}
