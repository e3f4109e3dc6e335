package engine

import (
	"bytes"
	"fmt"
	"path"
	"runtime"
	"strconv"
	"strings"
	"time"
)

const (
	// slowAfter is how long a subscriber may keep its queue full before it is called slow.
	slowAfter = time.Second
	// slowInterval is the least time between two warnings about one subscriber, and warnInterval between any two.
	slowInterval = 10 * time.Second
	warnInterval = time.Second

	// maxStacks bounds the picture of all goroutines in which the reader is looked for, in bytes.
	maxStacks = 1 << 20
	// maxFrames bounds what is shown of the reader's stack.
	maxFrames = 6
)

// warnSlow names a subscriber that keeps its queue full, and what its reader does instead of reading. It stops the world for as
// long as it takes to write down the stacks, so it is done once a second at most, in the background. Whose turn it is not is
// named later, and so it is while the log takes nothing.
func (e *Engine) warnSlow(s *Subscription) {
	now := e.clock.now()
	if e.warning.Swap(true) {
		s.queue.warnLater(now)
		return
	}
	if now-e.warned < warnInterval {
		e.warning.Store(false)
		s.queue.warnLater(now)
		return
	}
	e.warned = now
	started := e.runners.start(func() {
		defer e.warning.Store(false)
		s.queue.lookAtReader()
		statistics := s.Statistics()
		e.options.Logger.Warn("slow consumer: a subscriber keeps its queue full",
			"subscription", s.id, "overflow", statistics.Overflow, "full_for", statistics.FullFor.Round(time.Millisecond),
			"queued", statistics.Queued, "dropped", statistics.Dropped, "waits_in", statistics.WaitsIn)
	})
	if !started {
		e.warning.Store(false)
	}
}

// warnLater makes the warning due again after warnInterval.
func (q *queue) warnLater(now time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.warned = now + warnInterval - slowInterval
}

// lookAtReader finds out what the goroutine does that was last known to read.
func (q *queue) lookAtReader() {
	q.mu.Lock()
	reader := q.reader
	q.mu.Unlock()
	where := whereabouts(reader)
	q.mu.Lock()
	q.waitsIn = where
	q.mu.Unlock()
}

// goroutineID returns the number that stack traces show for the calling goroutine. It is used for nothing else than to find
// the goroutine in such a trace, and costs about a microsecond.
func goroutineID() uint64 {
	var buffer [64]byte
	header := buffer[:runtime.Stack(buffer[:], false)]
	digits, _, _ := bytes.Cut(bytes.TrimPrefix(header, []byte("goroutine ")), []byte(" "))
	id, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil {
		return 0
	}
	return id
}

// whereabouts returns the state of a goroutine and its innermost functions outside of the runtime, in words.
func whereabouts(id uint64) string {
	if id == 0 {
		return "nobody has read from it yet"
	}
	stacks := make([]byte, maxStacks)
	stacks = stacks[:runtime.Stack(stacks, true)]
	header := fmt.Appendf(nil, "goroutine %d [", id)
	at := bytes.Index(append([]byte("\n\n"), stacks...), append([]byte("\n\n"), header...))
	if at < 0 {
		if len(stacks) == maxStacks {
			return "unknown: too many goroutines to find its reader"
		}
		return "the goroutine that read from it has ended"
	}
	stack, _, _ := bytes.Cut(stacks[at+len(header):], []byte("\n\n"))
	return describeStack(string(stack))
}

// describeStack shortens a stack trace, from the state of its goroutine on.
func describeStack(stack string) string {
	state, rest, _ := strings.Cut(stack, "]:\n")
	lines := strings.Split(rest, "\n")
	var frames []string
	for i := 0; i+1 < len(lines) && len(frames) < maxFrames; i += 2 {
		function, place := lines[i], strings.TrimSpace(lines[i+1])
		if strings.HasPrefix(function, "runtime.") || strings.HasPrefix(function, "created by ") {
			continue
		}
		if arguments := strings.LastIndexByte(function, '('); arguments > 0 {
			function = function[:arguments]
		}
		place, _, _ = strings.Cut(place, " +0x")
		frames = append(frames, fmt.Sprintf("%s (%s)", path.Base(function), path.Base(place)))
	}
	return state + ": " + strings.Join(frames, " < ")
}
