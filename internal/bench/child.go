package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

const (
	// jobTimeout bounds one measurement, stuckTimeout that of ten million events.
	jobTimeout   = time.Minute
	stuckTimeout = 5 * time.Minute
	// killDelay is how long what a killed process has started may keep its output open.
	killDelay = 2 * time.Second
	// maxComplaint is how much of a process's standard error goes into an error, in bytes.
	maxComplaint = 4 << 10
)

// tempPrefix begins the names of directories for temporary files. It is short, because the path of a socket has to be.
const tempPrefix = "eb"

// tail keeps the end of what is written.
type tail struct{ bytes.Buffer }

func (t *tail) Write(p []byte) (int, error) {
	n, err := t.Buffer.Write(p)
	t.Next(max(t.Len()-maxComplaint, 0))
	return n, err
}

// complain adds to err what the process said.
func (t *tail) complain(err error) error {
	if text := strings.TrimSpace(t.String()); text != "" {
		return fmt.Errorf("%w: %s", err, text)
	}
	return err
}

// workerCommand returns this program as a worker.
func workerCommand(ctx context.Context, complaints io.Writer) (*exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program)
	cmd.Args = os.Args[:1] // some test programs go by their name
	cmd.Env = append(os.Environ(), workerVariable+"=1")
	cmd.Stderr = complaints
	cmd.WaitDelay = killDelay
	return cmd, nil
}

// do does a job in a process of its own.
func do(ctx context.Context, j job) (r result, err error) {
	timeout := jobTimeout
	if j.Mode == modeStuck {
		timeout = stuckTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	// A worker that is killed leaves its files behind, so they go where this process removes them.
	dir, err := os.MkdirTemp("", tempPrefix)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	complaints := &tail{}
	cmd, err := workerCommand(ctx, complaints)
	if err != nil {
		return r, err
	}
	cmd.Env = append(cmd.Env, "TMPDIR="+dir, "TMP="+dir) // as Unix and Windows call it
	input, err := json.Marshal(j)
	if err != nil {
		return r, err
	}
	cmd.Stdin = bytes.NewReader(input)
	output, err := cmd.Output()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if err == nil {
		err = json.Unmarshal(output, &r)
	}
	if err != nil {
		return r, fmt.Errorf("bench: %v: %w", j, complaints.complain(err))
	}
	return r, nil
}

// other is the second process of a measurement, seen from the first. It ends when its standard input does.
type other struct {
	*talk
	cmd        *exec.Cmd
	in         io.Closer
	complaints *tail
}

// startOther starts it and returns when it is ready.
func startOther(ctx context.Context, j job) (*other, error) {
	o := &other{complaints: &tail{}}
	var err error
	if o.cmd, err = workerCommand(ctx, o.complaints); err != nil {
		return nil, err
	}
	in, err := o.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := o.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := o.cmd.Start(); err != nil {
		return nil, err
	}
	o.in = in
	if err := json.NewEncoder(in).Encode(j); err != nil {
		return nil, errors.Join(err, o.end())
	}
	o.talk = newTalk(json.NewDecoder(out), in)
	o.start()
	if _, err := o.expect(sayReady); err != nil {
		return nil, errors.Join(err, o.end())
	}
	return o, nil
}

// end lets the process end and waits for it.
func (o *other) end() error {
	o.in.Close()
	if o.talk != nil {
		o.drain()
	}
	if err := o.cmd.Wait(); err != nil {
		return o.complaints.complain(fmt.Errorf("the other process: %w", err))
	}
	return nil
}
