package screen

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"unicode/utf8"

	"golang.org/x/term"
)

// What is written on the way in and out, and around a frame.
const (
	enter = "\x1b[?1049h\x1b[?25l\x1b[?7l" // alternate screen, no cursor, no wrapping
	leave = "\x1b[?7h\x1b[?25h\x1b[?1049l"

	beginFrame = "\x1b[?2026h"
	endFrame   = "\x1b[?2026l"
	eraseRest  = "\x1b[K"
)

// ErrNoTerminal is returned by [Open] if there is no terminal to draw on or to read from.
var ErrNoTerminal = errors.New("screen: not a terminal")

// Usable reports whether there is a terminal that can be drawn on; kind is what TERM says.
func Usable(in, out *os.File, kind string) bool {
	return kind != "dumb" && term.IsTerminal(int(in.Fd())) && term.IsTerminal(int(out.Fd()))
}

// Screen is a terminal that is drawn on.
type Screen struct {
	in, out *os.File
	before  *term.State // of the terminal, before it was ours

	drawn         []string // what is on it; nil if that is not known
	width, height int      // when it was drawn

	keys    chan Key
	signals chan os.Signal
	done    chan struct{}
}

// Open takes a terminal, whose keys come from in.
func Open(in, out *os.File) (*Screen, error) {
	if !Usable(in, out, "") {
		return nil, ErrNoTerminal
	}
	before, err := term.GetState(int(in.Fd()))
	if err != nil {
		return nil, fmt.Errorf("screen: %w", err)
	}
	s := &Screen{in: in, out: out, before: before, keys: make(chan Key), signals: make(chan os.Signal, 64), done: make(chan struct{})}
	if err := s.take(); err != nil {
		return nil, errors.Join(err, s.giveBack())
	}
	signal.Notify(s.signals, changes...)
	go s.read()
	return s, nil
}

func (s *Screen) take() error {
	if _, err := term.MakeRaw(int(s.in.Fd())); err != nil {
		return fmt.Errorf("screen: %w", err)
	}
	s.drawn = nil
	if _, err := s.out.WriteString(enter); err != nil {
		return fmt.Errorf("screen: %w", err)
	}
	return nil
}

func (s *Screen) giveBack() error {
	_, err := s.out.WriteString(leave)
	if err := errors.Join(err, term.Restore(int(s.in.Fd()), s.before)); err != nil {
		return fmt.Errorf("screen: %w", err)
	}
	return nil
}

// Close makes the terminal as it was. It may be called again.
func (s *Screen) Close() error {
	select {
	case <-s.done:
		return nil
	default:
	}
	close(s.done)
	signal.Stop(s.signals)
	return s.giveBack()
}

// Keys returns the channel of the keys that are pressed. It is closed if there is no terminal any more.
func (s *Screen) Keys() <-chan Key { return s.keys }

// Changed returns the channel on which something comes when the screen may have another size, or was somebody else's for a while. Then
// call Refresh, and Draw.
func (s *Screen) Changed() <-chan os.Signal { return s.signals }

// Refresh takes the terminal again, if what came from Changed says that somebody else had it.
func (s *Screen) Refresh(change os.Signal) error {
	if !continued(change) {
		return nil
	}
	return s.take()
}

// Size returns how many characters a line has, and how many lines there are. The last column stays empty: what stands there is treated
// differently by different terminals.
func (s *Screen) Size() (width, height int) {
	width, height, err := term.GetSize(int(s.out.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		width, height = 80, 24
	}
	return width - 1, height
}

// Draw makes the lines what is on the screen. They are no longer than Size says, and hold no control characters but those of color. It
// returns the terminal's error.
func (s *Screen) Draw(lines []string) error {
	width, height := s.Size()
	if width != s.width || height != s.height {
		s.width, s.height, s.drawn = width, height, nil
	}
	frame := difference(s.drawn, lines, height)
	if frame == nil {
		return nil
	}
	s.drawn = append(s.drawn[:0], lines...)
	if _, err := s.out.Write(frame); err != nil {
		return fmt.Errorf("screen: %w", err)
	}
	return nil
}

// difference returns what makes lines of what is drawn, nil if they are the same. Nil drawn is unknown, so every line of the screen is written.
func difference(drawn, lines []string, height int) []byte {
	var frame []byte
	for i := range height {
		line, was, known := "", "", drawn != nil
		if i < len(lines) {
			line = lines[i]
		}
		if i < len(drawn) {
			was = drawn[i]
		}
		if known && line == was {
			continue
		}
		if frame == nil {
			frame = []byte(beginFrame)
		}
		frame = fmt.Appendf(frame, "\x1b[%d;1H", i+1)
		frame = append(append(frame, line...), eraseRest...)
	}
	if frame == nil {
		return nil
	}
	return append(frame, endFrame...)
}

// read reads keys until the screen is closed or the terminal is gone.
func (s *Screen) read() {
	defer close(s.keys)
	var pending []byte
	buffer := make([]byte, 256)
	for {
		n, err := s.in.Read(buffer)
		var keys []Key
		keys, pending = parseKeys(append(pending, buffer[:n]...))
		for _, key := range keys {
			select {
			case s.keys <- key:
			case <-s.done:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// Key is a key that was pressed: the character that it stands for, or one of the names below.
type Key string

// Keys without a character of their own.
const (
	Up        Key = "up"
	Down      Key = "down"
	PageUp    Key = "page up"
	PageDown  Key = "page down"
	Home      Key = "home"
	End       Key = "end"
	Escape    Key = "escape"
	Interrupt Key = "interrupt" // control and c
	Suspend   Key = "suspend"   // control and z
)

// sequences are what terminals send for keys, behind the introducer.
var sequences = map[string]Key{
	"A": Up, "B": Down, "H": Home, "F": End, "1~": Home, "7~": Home, "4~": End, "8~": End, "5~": PageUp, "6~": PageDown,
}

// maxSequence bounds a sequence that has not ended, in bytes.
const maxSequence = 32

// parseKeys returns the keys that bytes stand for, and the beginning of another one. Sequences that mean nothing here are left out.
func parseKeys(input []byte) (keys []Key, rest []byte) {
	for len(input) > 0 {
		if len(input) > 1 && input[0] == 0x1b && (input[1] == '[' || input[1] == 'O') {
			end := 2
			for end < len(input) && (input[end] < 0x40 || input[end] > 0x7e) {
				end++
			}
			if end == len(input) {
				if len(input) > maxSequence {
					return keys, nil
				}
				return keys, input
			}
			if key, ok := sequences[string(input[2:end+1])]; ok {
				keys = append(keys, key)
			}
			input = input[end+1:]
			continue
		}
		if !utf8.FullRune(input) {
			return keys, input
		}
		r, size := utf8.DecodeRune(input)
		switch {
		case r == 0x1b:
			keys = append(keys, Escape)
		case r == 3:
			keys = append(keys, Interrupt)
		case r == 26:
			keys = append(keys, Suspend)
		case r >= ' ' && r != utf8.RuneError:
			keys = append(keys, Key(string(r)))
		}
		input = input[size:]
	}
	return keys, nil
}
