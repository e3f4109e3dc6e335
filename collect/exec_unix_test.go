//go:build unix

package collect_test

import (
	"os"
	"syscall"
)

// execAgain replaces the child by the same program with another command line.
func execAgain() error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	return syscall.Exec(program, []string{program, "after exec"}, os.Environ())
}
