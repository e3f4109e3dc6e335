package subjects

// IsBare reports whether x holds no node but its root and no value.
func (x *Index[V]) IsBare() bool {
	return x.root.isEmpty() && len(x.members) == 0 && len(x.free) == x.high
}
