package subjects

import (
	"slices"
	"strings"
)

// Index holds pairs of a pattern and a value, and finds the values whose
// patterns match a topic. The zero value is empty and ready for use; an Index
// must not be copied after that.
//
// It is a trie with a level for each segment. Match looks at each level only
// for the topic's own segment and for wildcards, so patterns that do not match
// cost it nothing.
//
// Any number of goroutines may call Match and Len at once. Insert and Remove
// must run alone: the caller provides the lock.
type Index[V comparable] struct {
	root    node[V]
	members map[V]*member[V]
	pairs   int
	// Numbers below high have been given to members; those in free are unused
	// again. They are kept small because Match marks them in a bit set.
	high int
	free []int
}

// member is a value of the index, whatever number of patterns it has.
type member[V comparable] struct {
	value    V
	number   int
	patterns int
}

// node is a place in the trie: the segments on the way to it are a prefix of
// some patterns.
type node[V comparable] struct {
	literal map[string]*node[V] // by next segment
	one     *node[V]            // next segment is +
	here    []*member[V]        // the pattern ends here
	any     []*member[V]        // the pattern ends in # after this
	some    []*member[V]        // the pattern ends in > after this
}

// Insert adds the pair (p, v). A pair that is there already is not added again,
// so it takes one Remove to undo any number of equal Inserts. The zero Pattern
// is ignored: it matches nothing.
func (x *Index[V]) Insert(p Pattern, v V) {
	if p.text == "" {
		return
	}
	m, known := x.members[v]
	if !known {
		m = &member[V]{value: v, number: x.takeNumber()}
		if x.members == nil {
			x.members = make(map[V]*member[V])
		}
		x.members[v] = m
	}
	if x.root.insert(p.text, m) {
		m.patterns++
		x.pairs++
	}
}

// Remove takes the pair (p, v) away and reports whether it was there. What the
// pair alone kept in memory is released.
func (x *Index[V]) Remove(p Pattern, v V) bool {
	m, known := x.members[v]
	if !known || p.text == "" || !x.root.remove(p.text, m) {
		return false
	}
	x.pairs--
	m.patterns--
	if m.patterns == 0 {
		delete(x.members, v)
		x.free = append(x.free, m.number)
	}
	return true
}

// Len returns the number of pairs.
func (x *Index[V]) Len() int { return x.pairs }

// Match appends to dst the values of which at least one pattern matches topic,
// each once, in no particular order, and returns the extended slice. What dst
// holds already is neither looked at nor changed. Nothing is appended for what
// [ValidateTopic] refuses.
//
// If dst has room, Match allocates nothing as long as the index has held no
// more than 1024 distinct values at a time; past that it may make one
// allocation of a bit for each value.
func (x *Index[V]) Match(topic string, dst []V) []V {
	cut, ok := split(topic)
	if !ok {
		return dst
	}
	w := walk[V]{topic: topic, cut: cut, dst: dst, high: x.high}
	w.visit(&x.root, 0)
	return w.dst
}

// takeNumber returns a number that no member has.
func (x *Index[V]) takeNumber() int {
	if last := len(x.free) - 1; last >= 0 {
		number := x.free[last]
		x.free = x.free[:last]
		return number
	}
	x.high++
	return x.high - 1
}

// insert adds m under the pattern whose remaining text is given, and reports
// whether it was not there yet.
func (n *node[V]) insert(text string, m *member[V]) bool {
	if list := n.list(text); list != nil {
		if slices.Contains(*list, m) {
			return false
		}
		*list = append(*list, m)
		return true
	}
	segment, rest, _ := strings.Cut(text, ".")
	child := n.child(segment)
	if child == nil {
		child = new(node[V])
		n.setChild(segment, child)
	}
	return child.insert(rest, m)
}

// remove undoes insert, prunes the nodes that this leaves empty, and reports
// whether m was there.
func (n *node[V]) remove(text string, m *member[V]) bool {
	if list := n.list(text); list != nil {
		i := slices.Index(*list, m)
		if i < 0 {
			return false
		}
		*list = slices.Delete(*list, i, i+1)
		return true
	}
	segment, rest, _ := strings.Cut(text, ".")
	child := n.child(segment)
	if child == nil || !child.remove(rest, m) {
		return false
	}
	if child.isEmpty() {
		n.setChild(segment, nil)
	}
	return true
}

// list returns the list of n for a pattern of which only text remains, or nil
// if the pattern leads on to a child.
func (n *node[V]) list(text string) *[]*member[V] {
	switch text {
	case "":
		return &n.here
	case anySegments:
		return &n.any
	case someSegments:
		return &n.some
	}
	return nil
}

func (n *node[V]) child(segment string) *node[V] {
	if segment == oneSegment {
		return n.one
	}
	return n.literal[segment]
}

// setChild sets the child for a segment, or takes it away if child is nil.
func (n *node[V]) setChild(segment string, child *node[V]) {
	switch {
	case segment == oneSegment:
		n.one = child
	case child == nil:
		delete(n.literal, segment)
	default:
		if n.literal == nil {
			n.literal = make(map[string]*node[V])
		}
		n.literal[segment] = child
	}
}

func (n *node[V]) isEmpty() bool {
	return len(n.literal) == 0 && n.one == nil &&
		len(n.here) == 0 && len(n.any) == 0 && len(n.some) == 0
}
