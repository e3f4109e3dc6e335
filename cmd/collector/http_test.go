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
	runtime := runtimeDir(t)
	c := start(t, runtime, "--http", "127.0.0.1:0")
	require.Equal(t, 4, strings.Count(c.stdout.String(), "\n"))
	url := metricsURL(t, c)
	require.Contains(t, c.stdout.String(), "\npage: "+url+"/\n")
	code, body := fetch(t, url+"/")
	require.Equal(t, 200, code)
	require.Contains(t, body, "<title>eventbus</title>")
	dir, err := os.ReadDir(filepath.Dir(socketIn(runtime)))
	require.NoError(t, err)
	for _, file := range dir {
		require.False(t, strings.HasPrefix(file.Name(), "page-"), "there is no secret")
	}
	seeNap(t, watch(t, attach(t, runtime), "watcher"))
	_, body = fetch(t, url+"/metrics")
	require.Regexp(t, `(?m)^eventbus_topic_published_events_total\{topic="events\.process\.lifecycle"\} [1-9]\d*$`, body)
	require.Regexp(t, `(?m)^eventbus_server_clients 1$`, body)
	for _, path := range []string{"/healthz", "/readyz"} {
		code, body := fetch(t, url+path)
		require.Equal(t, []any{200, "ok\n"}, []any{code, body})
	}
	code, _ = fetch(t, url+"/debug/pprof/")
	require.Equal(t, 404, code)
	c.signal(t, syscall.SIGTERM)
	require.Equal(t, 0, c.wait(t))
	_, err = net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	require.Error(t, err)
}

// linkFile finds out where a collector says that the secret link is, and returns the file and the token.
func linkFile(t testing.TB, c *collector) (file, token string) {
	t.Helper()
	line := regexp.MustCompile(`(?m)^page: (\S+/) \(with events: the link in (.+)\)$`).FindStringSubmatch(c.stdout.String())
	require.NotNil(t, line, c.stdout.String())
	link, err := os.ReadFile(line[2])
	require.NoError(t, err)
	token, ok := strings.CutPrefix(strings.TrimSpace(string(link)), line[1]+"#token=")
	require.True(t, ok, string(link))
	return line[2], token
}

// TestEventsAreForWhoCanReadTheLink, which is new at each start, in one file and nowhere else; also without a server.
func TestEventsAreForWhoCanReadTheLink(t *testing.T) {
	dir := runtimeDir(t)
	var before string
	for _, busType := range []string{"nats", "local"} {
		c := start(t, dir, "--http", "127.0.0.1:0", "--http-events", "--bus-type", busType)
		url := metricsURL(t, c)
		file, token := linkFile(t, c)
		require.Equal(t, filepath.Dir(socketIn(dir)), filepath.Dir(file))
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode())
		require.NotEqual(t, before, token)
		before = token
		require.NotContains(t, c.stdout.String()+c.stderr.String(), token)
		for presented, want := range map[string]int{token: 200, token + "x": 401} {
			r, err := http.NewRequestWithContext(background(t), http.MethodGet, url+"/live", nil)
			require.NoError(t, err)
			r.Header.Set("Authorization", "Bearer "+presented)
			answer, err := http.DefaultClient.Do(r)
			require.NoError(t, err)
			require.NoError(t, answer.Body.Close())
			require.Equal(t, want, answer.StatusCode)
		}
		c.signal(t, syscall.SIGTERM)
		require.Equal(t, 0, c.wait(t))
		require.NoFileExists(t, file)
	}
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
