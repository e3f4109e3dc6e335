// Package pseudoterminal gives tests a real terminal.
package pseudoterminal

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Open returns both ends of a new pseudo terminal of that size in characters: what the user sees and types on, and what the program has.
// Both are closed when the test ends, if they are not by then.
func Open(t testing.TB, rows, columns uint16) (user, program *os.File) {
	t.Helper()
	user = open(t, "/dev/ptmx", os.O_RDWR)
	require.NoError(t, unix.IoctlSetPointerInt(int(user.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(user.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	program = open(t, fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY)
	Resize(t, program, rows, columns)
	return user, program
}

// Resize changes the size of a terminal.
func Resize(t testing.TB, terminal *os.File, rows, columns uint16) {
	t.Helper()
	require.NoError(t, unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns}))
}

func open(t testing.TB, name string, flags int) *os.File {
	t.Helper()
	file, err := os.OpenFile(name, flags, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = file.Close() })
	return file
}
