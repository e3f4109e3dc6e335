// Package screen draws lines on a whole terminal, again and again, and reads its keys.
//
// # Use
//
//	s, err := screen.Open(os.Stdin, os.Stdout)
//	defer s.Close()
//	for {
//		err := s.Draw(lines)
//		select {
//		case key := <-s.Keys():
//		case <-s.Changed(): // the size
//		}
//	}
//
// # What is written
//
// A frame is one write, of the lines that are not as they were, between the escapes of synchronized output (mode 2026), which terminals
// that do not know them pass over. Nothing is ever cleared but the rest of a line behind its new text: a terminal that shows a frame half
// written shows no blank.
//
// The terminal is in its alternate screen, without a cursor and without automatic wrapping, and in raw mode. [Screen.Close] undoes all of it,
// and so must be called on every way out.
//
// # Concurrency
//
// A Screen belongs to one goroutine; its channels may be received from by any. Reading keys takes a goroutine that ends with the first
// key after Close, or with the process: nothing can wake who reads a terminal.
package screen
