package bus

// Wrapper is implemented by a bus that adds something to another one, as package tracing does.
type Wrapper interface {
	// Unwrap returns the bus inside.
	Unwrap() Bus
}

// As returns b, or the first bus inside of it ([Wrapper]), as a T: an optional interface such as [TopicCounter], or a type of a driver. A
// wrapper need not repeat what the buses inside it can do.
func As[T any](b Bus) (t T, ok bool) {
	for b != nil {
		if t, ok = b.(T); ok {
			return t, true
		}
		w, wraps := b.(Wrapper)
		if !wraps {
			break
		}
		b = w.Unwrap()
	}
	return t, false
}
