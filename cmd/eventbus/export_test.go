package main

import (
	"context"
	"io"
	"iter"

	"github.com/alecthomas/kong"
)

// Program is the program for the tests, which run it from their own binary.
func Program() int { return program() }

// Parser is the parser of the command line.
func Parser() (*kong.Kong, error) {
	return newParser(context.Background(), &streams{stdout: io.Discard, stderr: io.Discard}, func(int) {})
}

// What the tests look at without a process.
var (
	ManPage      = manPage
	EscapeRoff   = escapeRoff
	ProgressLine = progressLine
)

// Complete returns the words that could stand in the place of the last one.
func Complete(k *kong.Kong, words []string) (found []string) {
	for _, candidate := range complete(k.Model.Node, words, false) {
		found = append(found, candidate.text)
	}
	return found
}

// ProgressAfter is how long it takes until there is a progress bar.
const ProgressAfter = progressAfter

// MaxInputLine is the size of the longest line that publish reads.
const MaxInputLine = maxInputLine

// InputLine is a line that publish reads.
type InputLine struct {
	Place, Text string
	Err         error
}

// Lines returns the lines of standard input.
func Lines(ctx context.Context, stdin io.Reader) iter.Seq[InputLine] {
	return func(yield func(InputLine) bool) {
		for line := range newLineReader(nil, stdin).lines(ctx) {
			if !yield(InputLine{line.place, string(line.text), line.err}) {
				return
			}
		}
	}
}
