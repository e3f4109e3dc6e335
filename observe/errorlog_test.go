package observe_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/observe"
)

func TestErrorsOfTheHTTPServerAreLogged(t *testing.T) {
	var out bytes.Buffer
	observe.ErrorLog(slog.New(slog.NewJSONHandler(&out, nil))).Printf("http: panic serving %s:\nstack", "127.0.0.1:1")
	var record map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &record))
	delete(record, "time")
	require.Equal(t, map[string]any{
		"level": "WARN", "msg": "serving metrics and health had an error", "error": "http: panic serving 127.0.0.1:1:\nstack", "so_far": 1.0,
	}, record)
}

// TestScrapesThatAreBrokenOffDoNotFillTheLog: everybody on the host can make them.
func TestScrapesThatAreBrokenOffDoNotFillTheLog(t *testing.T) {
	var out bytes.Buffer // written under the handler's lock, and read when the server has stopped
	s, err := observe.Start(background(t), local(t, nil), &observe.Options{Logger: slog.New(slog.NewTextHandler(&out, nil))})
	require.NoError(t, err)
	begun := time.Now()
	for range 100 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "http://"))
		require.NoError(t, err)
		_, err = conn.Write([]byte(strings.Repeat("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 3)))
		require.NoError(t, err)
		_, err = conn.Read(make([]byte, 1)) // it has begun to answer
		require.NoError(t, err)
		require.NoError(t, conn.(*net.TCPConn).SetLinger(0))
		require.NoError(t, conn.Close())
	}
	require.NoError(t, s.Stop(background(t)))
	errors := strings.Count(out.String(), "had an error")
	require.Positive(t, errors)
	require.LessOrEqual(t, errors, 2+int(time.Since(begun).Seconds()))
}
