package main_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestDoctorFindsALowFileLimit(t *testing.T) {
	i := &ill{T: t, dir: runtimeDir(t)}
	c := i.collector("answer a v1.0.0")
	limit := func(files uint64) {
		require.NoError(t, unix.Prlimit(c.process.Pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: files, Max: files}, nil))
	}
	limit(1024)
	limited := func(d diagnosis, code int) bool { return code == 1 && d.Findings[0].Check == "file-limit" }
	d, code := i.examine(healthy)
	require.Zero(t, code, "%+v", d)
	require.NoError(t, c.do("open 900"))
	d, code = i.examine(limited)
	require.Equal(t, 1, code)
	require.Equal(t, "file-limit", d.Findings[0].Check)
	require.Regexp(t, `^Process \d+, which serves, has 9\d\d files open, of 1024 that it may have$`, d.Findings[0].Problem)
	limit(1000)
	d, code = i.examine(limited)
	require.Equal(t, 1, code)
	require.Regexp(t, `^Process \d+, which serves, may have 1000 files open: `, d.Findings[0].Problem)
	require.Contains(t, d.Findings[0].Remedy, "LimitNOFILE")
}
