package collect_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/disk"
	"github.com/shirou/gopsutil/v4/load"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/collect"
)

func TestTheIntervalIsChangedWhileItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := collect.NewPerformanceOf(newRecorder(), &collect.PerformanceOptions{Interval: time.Hour},
			func() ([]cpu.TimesStat, map[string]disk.IOCountersStat, *load.AvgStat) { return nil, nil, nil })
		run(t, p)
		scans := func() uint64 { synctest.Wait(); return p.Statistics().Scans }
		require.Equal(t, uint64(1), scans())
		time.Sleep(time.Minute)
		p.SetInterval(time.Second) // does not wait for the end of the hour
		require.Equal(t, uint64(1), scans(), "nor does it scan at once")
		time.Sleep(time.Second)
		require.Equal(t, uint64(2), scans())
		time.Sleep(10 * time.Second)
		require.Equal(t, uint64(12), scans())
		p.SetInterval(time.Hour)
		time.Sleep(time.Hour - 1)
		require.Equal(t, uint64(12), scans())
		time.Sleep(time.Nanosecond)
		require.Equal(t, uint64(13), scans())
		p.SetInterval(0)
		require.Equal(t, collect.DefaultPerformanceInterval, p.Interval())
		time.Sleep(collect.DefaultPerformanceInterval)
		require.Equal(t, uint64(14), scans())
	})
}

func TestThePathsAreChangedWhileItRuns(t *testing.T) {
	before, after := realDir(t), realDir(t)
	deep := filepath.Join(after, "deep")
	write(t, filepath.Join(after, "there"), "1")
	events := newRecorder()
	f := collect.NewFiles(events, []string{before}, &collect.FileOptions{Window: time.Hour})
	f.SetPaths([]string{before}, false) // before Run: it begins once
	runScanned(t, f)
	write(t, filepath.Join(before, "file"), "1")
	events.until(t, "create", done(collect.OperationCreate, filepath.Join(before, "file")))
	write(t, filepath.Join(before, "file"), "22")
	require.Equal(t, uint64(1), f.Statistics().Scans)

	f.SetPaths([]string{after}, true)
	_, seen := events.until(t, "what is there", done(collect.OperationExisting, filepath.Join(after, "there")))
	require.NotContains(t, doings(before, seen...), "existing file", "the old path is over")
	write(t, filepath.Join(before, "file"), "333")
	require.Eventually(t, func() bool { return f.Statistics().Scans == 2 }, patience, time.Millisecond)
	require.NoError(t, os.Mkdir(deep, 0o700))
	events.until(t, "create", done(collect.OperationCreate, deep))
	write(t, filepath.Join(deep, "file"), "1")
	_, seen = events.until(t, "create", done(collect.OperationCreate, filepath.Join(deep, "file")))
	require.Empty(t, doings(before, seen...), "nothing of the old path")
}
