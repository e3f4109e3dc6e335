package collect_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/collect"
	"github.com/daemoneye/eventbus/subjects"
)

// TestOverflow: when the kernel's queue overflows, an event says so, and a scan finds what was missed.
func TestOverflow(t *testing.T) {
	text, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	require.NoError(t, err)
	limit, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)

	dir := realDir(t)
	events := newRecorder()
	gate, reached := make(chan struct{}), make(chan struct{}, 1)
	created := filepath.Join(dir, "stop")
	events.err = func(bus.Event) error {
		select {
		case reached <- struct{}{}:
		default:
		}
		<-gate
		return nil
	}
	run(t, collect.NewFiles(events, []string{dir}, nil))
	// The scan has begun, and is stuck in publishing the directory: what follows is only in the queue. Its watch comes after
	// that, so it has to go on until the first notice.
	<-reached
	gate <- struct{}{}
	write(t, created, "x")
	<-reached

	var files []*os.File
	for _, name := range [...]string{"a", "b"} {
		file, err := os.Create(filepath.Join(dir, name))
		require.NoError(t, err)
		files = append(files, file)
	}
	for range limit/2 + 5000 {
		for _, file := range files {
			_, err := file.WriteString("x")
			require.NoError(t, err)
		}
	}
	for _, file := range files {
		require.NoError(t, file.Close())
	}
	missed := filepath.Join(dir, "missed")
	write(t, missed, "x")
	close(gate)

	event, before := events.until(t, "overflow", done(collect.OperationOverflow, dir))
	require.Equal(t, subjects.FilesystemBulk, event.Topic)
	require.NotContains(t, doings(dir, before...), "create missed")
	event, _ = events.until(t, "scan", done(collect.OperationExisting, missed))
	require.Equal(t, uint64(1), *event.Payload.(*bus.FilesystemEvent).Size)
	write(t, filepath.Join(dir, "after"), "x")
	events.until(t, "what comes after", done(collect.OperationCreate, filepath.Join(dir, "after")))
}
