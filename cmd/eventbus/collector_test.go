package main_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// collector is a running fakeCollector.
type collector struct {
	process *os.Process
	wait    func() error
	in      io.WriteCloser
	out     *bufio.Scanner
}

// start starts a collector at the socket, with further arguments of fakeCollector, and returns when clients can attach.
func start(socket string, arguments ...string) (*collector, error) {
	cmd := exec.Command("fakecollector", append([]string{socket}, arguments...)...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &collector{process: cmd.Process, wait: cmd.Wait, in: in, out: bufio.NewScanner(out)}
	return c, c.answered()
}

// do gives it a command and returns when it is done.
func (c *collector) do(command string) error {
	if _, err := fmt.Fprintln(c.in, command); err != nil {
		return err
	}
	return c.answered()
}

func (c *collector) answered() error {
	if !c.out.Scan() || c.out.Text() != "ok" {
		return fmt.Errorf("the collector answered %q, %w", c.out.Text(), c.out.Err())
	}
	return nil
}

// stop ends it the polite way.
func (c *collector) stop() error {
	if err := c.in.Close(); err != nil {
		return err
	}
	return c.wait()
}

// kill is kill -9.
func (c *collector) kill() error {
	if err := c.process.Kill(); err != nil {
		return err
	}
	_ = c.wait() // says that it was killed
	return nil
}

// startCollector starts a collector that is stopped with the test.
func startCollector(t *testing.T, socket string) *collector {
	t.Helper()
	c, err := start(socket)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.kill() }) // it may have ended in the test
	return c
}
