package subjects

// walk is one descent of a topic through the trie of an [Index]. It lives on
// the stack of Match.
type walk[V comparable] struct {
	topic string
	cut   cuts
	dst   []V
	seen  [smallSet / 64]uint64 // members already appended, by number
	large []uint64              // the same for those from smallSet on
	high  int                   // all numbers are below
}

// smallSet is how many members can be marked without an allocation. It costs
// Match 128 bytes of stack to clear.
const smallSet = 1024

// visit takes what matches at n, to which the first depth segments of the topic
// have led, and below it.
func (w *walk[V]) visit(n *node[V], depth int) {
	w.take(n.any)
	if depth == w.cut.n {
		w.take(n.here)
		return
	}
	w.take(n.some)
	if n.literal != nil {
		if child := n.literal[w.cut.segment(w.topic, depth)]; child != nil {
			w.visit(child, depth+1)
		}
	}
	if n.one != nil {
		w.visit(n.one, depth+1)
	}
}

// take appends the values of members. Only one with several patterns can come
// by a second time, so the others need no mark.
func (w *walk[V]) take(members []*member[V]) {
	for _, m := range members {
		if m.patterns == 1 || w.mark(m.number) {
			w.dst = append(w.dst, m.value)
		}
	}
}

// mark notes a member as appended, and reports whether it was not yet.
func (w *walk[V]) mark(number int) bool {
	var word *uint64
	if number < smallSet {
		word = &w.seen[number/64]
	} else {
		if w.large == nil {
			w.large = make([]uint64, (w.high-smallSet+63)/64)
		}
		word = &w.large[(number-smallSet)/64]
	}
	bit := uint64(1) << (number % 64)
	fresh := *word&bit == 0
	*word |= bit
	return fresh
}
