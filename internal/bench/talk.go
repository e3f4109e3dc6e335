package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// What the two processes of a measurement say to each other.
const (
	sayReady = "ready" // the other process can be published to, or can publish
	sayPhase = "phase" // N events come, or are to be published
	sayAck   = "ack"   // N events of the phase have been read
	sayDone  = "done"  // all of them are published, or read
	sayEnd   = "end"   // tell what you have got
)

// word is one message.
type word struct {
	Say    string  `json:"say"`
	N      int     `json:"n,omitempty"`
	Rate   int     `json:"rate,omitempty"`
	Time   int64   `json:"time,omitempty"` // of clockNow: of the first publish or of the last read
	CPU    float64 `json:"cpu,omitempty"`  // seconds
	P50    int64   `json:"p50,omitempty"`  // nanoseconds
	P99    int64   `json:"p99,omitempty"`
	Failed string  `json:"failed,omitempty"`
}

// talk is a conversation over two pipes. Acknowledgements go to where the publisher sees them, everything else waits for expect.
type talk struct {
	decoder *json.Decoder
	writing sync.Mutex // guards encoder
	encoder *json.Encoder

	acked atomic.Int64  // events of the current phase
	moved chan struct{} // has room for one: acked has changed
	words chan word     // closed at the end of the input
}

func newTalk(decoder *json.Decoder, out io.Writer) *talk {
	return &talk{decoder: decoder, encoder: json.NewEncoder(out), moved: make(chan struct{}, 1), words: make(chan word, 8)}
}

// start reads until the input ends.
func (t *talk) start() {
	go func() {
		defer close(t.words)
		for {
			var w word
			if t.decoder.Decode(&w) != nil {
				return
			}
			if w.Say != sayAck {
				t.words <- w
				continue
			}
			t.acked.Store(int64(w.N))
			select {
			case t.moved <- struct{}{}:
			default:
			}
		}
	}()
}

// drain lets the reading goroutine come to its end.
func (t *talk) drain() {
	for range t.words {
	}
}

func (t *talk) say(w word) error {
	t.writing.Lock()
	defer t.writing.Unlock()
	return t.encoder.Encode(w)
}

var errSilent = errors.New("the other process says nothing")

// hear returns the next word. io.EOF is the end of the conversation.
func (t *talk) hear(timeout time.Duration) (word, error) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case w, ok := <-t.words:
		if !ok {
			return w, io.EOF
		}
		if w.Failed != "" {
			return w, errors.New(w.Failed)
		}
		return w, nil
	case <-timer.C:
		return word{}, errSilent
	}
}

// expect returns the next word, which has to be that one.
func (t *talk) expect(say string) (word, error) {
	w, err := t.hear(patience)
	if err != nil {
		return w, fmt.Errorf("waiting for %q: %w", say, err)
	}
	if w.Say != say {
		return w, fmt.Errorf("waiting for %q: got %q", say, w.Say)
	}
	return w, nil
}

// room waits until less than the window is on its way, when sent events of the phase were sent.
func (t *talk) room(sent int) error {
	if sent-int(t.acked.Load()) < window {
		return nil
	}
	timer := time.NewTimer(stall)
	defer timer.Stop()
	for sent-int(t.acked.Load()) >= window {
		select {
		case <-t.moved:
		case <-timer.C:
			return fmt.Errorf("of %d events %d are not acknowledged", sent, sent-int(t.acked.Load()))
		}
	}
	return nil
}
