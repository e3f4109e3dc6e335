package observe_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"

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
		"level": "WARN", "msg": "serving metrics and health had an error", "error": "http: panic serving 127.0.0.1:1:\nstack",
	}, record)
}
