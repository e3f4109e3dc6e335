package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"sync/atomic"

	"golang.org/x/term"

	"github.com/daemoneye/eventbus/bus"
)

// maxInputLine bounds a line, in bytes: JSON may take several bytes for one of an event, but an event of that size is rare.
const maxInputLine = 2 * bus.MaxEventSizeLimit

// errMalformed is matched by the error of a line that is too long.
var errMalformed = errors.New("malformed")

// inputLine is a line that is not empty, or an error.
type inputLine struct {
	place string // file:line
	text  []byte
	err   error
}

// lineReader reads the lines of several files.
type lineReader struct {
	names []string
	stdin io.Reader
	read  atomic.Int64 // bytes
}

// newLineReader returns one that reads standard input if there are no names.
func newLineReader(names []string, stdin io.Reader) *lineReader {
	if len(names) == 0 {
		names = []string{"-"}
	}
	return &lineReader{names: names, stdin: stdin}
}

// size returns how much there is to read, in bytes, or 0 if that is not known.
func (r *lineReader) size() (total int64) {
	for _, name := range r.names {
		var info os.FileInfo
		err := errors.ErrUnsupported
		if file, ok := r.stdin.(*os.File); ok && name == "-" {
			info, err = file.Stat()
		} else if name != "-" {
			info, err = os.Stat(name)
		}
		if err != nil || !info.Mode().IsRegular() {
			return 0
		}
		total += info.Size()
	}
	return total
}

// isTyped reports whether somebody is to type the lines.
func (r *lineReader) isTyped() bool {
	file, ok := r.stdin.(*os.File)
	return ok && slices.Contains(r.names, "-") && term.IsTerminal(int(file.Fd()))
}

// consumed returns how much has been read, in bytes.
func (r *lineReader) consumed() int64 { return r.read.Load() }

// lines returns an iterator over the lines, which ends with ctx. A goroutine reads, and may be left behind if it waits for a terminal or a
// pipe then, which nothing can wake; it ends with the program, which is next.
func (r *lineReader) lines(ctx context.Context) iter.Seq[inputLine] {
	found := make(chan inputLine)
	give := func(line inputLine) bool {
		select {
		case found <- line:
			return true
		case <-ctx.Done():
			return false
		}
	}
	go func() {
		defer close(found)
		for _, name := range r.names {
			if !r.readAll(name, give) {
				return
			}
		}
	}()
	return func(yield func(inputLine) bool) {
		for {
			select {
			case line, ok := <-found:
				if !ok || !yield(line) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// readAll gives each line of a file, and returns false when no more are wanted.
func (r *lineReader) readAll(name string, give func(inputLine) bool) bool {
	in, place := r.stdin, "standard input"
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return give(inputLine{place: name, err: unwrapPath(err)})
		}
		defer file.Close()
		if info, err := file.Stat(); err == nil && info.IsDir() {
			return give(inputLine{place: name, err: errors.New("is a directory, not a file with an event a line")})
		}
		in, place = file, name
	}
	buffered := bufio.NewReaderSize(in, 64<<10)
	for number := 1; ; number++ {
		line := inputLine{place: fmt.Sprintf("%s:%d", place, number)}
		var err error
		line.text, line.err, err = r.readLine(buffered)
		if line.err != nil || len(line.text) > 0 {
			if !give(line) {
				return false
			}
		}
		if errors.Is(err, io.EOF) {
			return true
		}
		if err != nil {
			return give(inputLine{place: line.place, err: unwrapPath(err)})
		}
	}
}

// readLine returns a line without the white space around it, or why it cannot be used, and the error that reading ended with.
func (r *lineReader) readLine(in *bufio.Reader) (text []byte, unusable, err error) {
	for {
		part, err := in.ReadSlice('\n')
		r.read.Add(int64(len(part)))
		if unusable == nil && len(text)+len(part) > maxInputLine {
			text, unusable = nil, fmt.Errorf("%w: a line of more than %d bytes", errMalformed, maxInputLine)
		}
		if unusable == nil {
			text = append(text, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimSpace(text), unusable, err
		}
	}
}

// unwrapPath takes the name of the file away, which is said already.
func unwrapPath(err error) error {
	if failed, ok := errors.AsType[*os.PathError](err); ok {
		return failed.Err
	}
	return err
}
