package faultproxy

import (
	"errors"
	"io"
	"slices"
	"sync/atomic"
	"time"
)

const (
	// window is the most that is queued in one direction.
	window = 256 << 10
	// chunkSize is the most that is read or written at once.
	chunkSize = 16 << 10
	// chunkCost is added to the size of each chunk, so that the window bounds their number as well.
	chunkCost = 256
	// catchUp is how far behind a limited bandwidth a flow may fall and still make up for it: longer than timers are late.
	catchUp = 20 * time.Millisecond
)

// chunk is what one read returned: bytes, or why there are no more.
type chunk struct {
	bytes []byte
	read  time.Time
	end   error
}

// flow is one direction of a link: receive fills its queue, deliver empties it.
type flow struct {
	link      *link
	from, to  stream
	allowance *allowance
	now       *atomic.Pointer[conditions]

	chunks    chan chunk // has room for all that fit into the window, and for the end
	queued    atomic.Int64
	room      chan struct{} // one token: there may be room in the window
	free      time.Time     // when the bandwidth that was used so far had been used; of deliver alone
	delivered chan struct{} // closed when nothing more will be written
}

func newFlow(l *link, from, to stream, a *allowance, now *atomic.Pointer[conditions]) *flow {
	return &flow{
		link: l, from: from, to: to, allowance: a, now: now,
		chunks: make(chan chunk, window/chunkCost+1), room: make(chan struct{}, 1), delivered: make(chan struct{}),
	}
}

// receive returns when there is no more to read.
func (f *flow) receive() {
	buffer := make([]byte, chunkSize)
	for {
		for f.queued.Load() > window-chunkSize-chunkCost {
			select {
			case <-f.link.alive.Done():
				return
			case <-f.room:
			}
		}
		n, err := f.from.Read(buffer)
		if n > 0 {
			f.queued.Add(int64(n + chunkCost))
			f.chunks <- chunk{bytes: slices.Clone(buffer[:n]), read: time.Now()}
		}
		if err != nil {
			f.chunks <- chunk{read: time.Now(), end: err}
			return
		}
	}
}

// errWrite marks that it was the receiving side that failed.
var errWrite = errors.New("faultproxy: cannot write")

// deliver returns when no more can be written.
func (f *flow) deliver(reverse *flow) {
	err := f.writeAll()
	close(f.delivered)
	if err == nil {
		return
	}
	if errors.Is(err, errWrite) {
		// What the receiver sent before it went away is still on its way, for instance why it did so.
		select {
		case <-reverse.delivered:
		case <-f.link.alive.Done():
		}
	}
	f.link.end(reset)
}

func (f *flow) writeAll() error {
	for {
		select {
		case <-f.link.alive.Done():
			return nil
		case c := <-f.chunks:
			if err := f.write(c); errors.Is(err, io.EOF) {
				_ = f.to.CloseWrite()
				return nil
			} else if err != nil {
				return err
			}
			f.queued.Add(-int64(len(c.bytes) + chunkCost))
			select {
			case f.room <- struct{}{}:
			default:
			}
		}
	}
}

// write returns when the chunk is written, or the error that it holds is due.
func (f *flow) write(c chunk) error {
	for {
		n, ok := f.permit(c.read, len(c.bytes))
		if !ok {
			return nil
		}
		if c.end != nil {
			return c.end
		}
		n, last := f.allowance.take(n)
		_, err := f.to.Write(c.bytes[:n])
		if last {
			f.link.end(reset)
			return nil
		}
		if err != nil {
			return errors.Join(errWrite, err)
		}
		if c.bytes = c.bytes[n:]; len(c.bytes) == 0 {
			return nil
		}
	}
}

// permit waits until the next of size bytes, read at a certain time, may be written, and returns how many. It returns false if
// the link has ended.
func (f *flow) permit(read time.Time, size int) (int, bool) {
	for {
		now := f.now.Load()
		n, due := size, read.Add(now.latency)
		if now.bandwidth > 0 {
			// A hundredth of a second's bytes: rare enough to be cheap, and not felt as bursts.
			n = min(size, max(1, now.bandwidth/100))
			due = later(due, f.free).Add(time.Duration(n) * time.Second / time.Duration(now.bandwidth))
		}
		var up <-chan time.Time
		if !now.stalled {
			left := time.Until(due)
			if left <= 0 {
				f.free = later(due, time.Now().Add(-catchUp))
				return n, true
			}
			up = time.After(left)
		}
		if !now.wait(f.link.alive, up) {
			return 0, false
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
