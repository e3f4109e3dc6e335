package report

import (
	"cmp"
	"slices"

	"github.com/daemoneye/eventbus/control"
)

// Key is what rows are sorted by.
type Key string

// The keys.
const (
	ByName      Key = "name"
	ByRate      Key = "rate"
	ByQueued    Key = "queued"
	ByHighWater Key = "high-water"
	ByLag       Key = "lag"
	ByDropped   Key = "dropped"
	ByLost      Key = "lost"
)

// Keys are all of them, in the order of the columns.
func Keys() []Key { return []Key{ByName, ByRate, ByQueued, ByHighWater, ByLag, ByDropped, ByLost} }

// Next returns the key behind k, and behind the last one the first.
func (k Key) Next() Key {
	keys := Keys()
	return keys[(slices.Index(keys, k)+1)%len(keys)]
}

// Wanted returns the order in which a program is asked for its subscriptions: if there are too many for an answer, the others are missing.
func (k Key) Wanted() control.Sort {
	switch k {
	case ByRate:
		return control.SortByMatched
	case ByQueued, ByHighWater:
		return control.SortByQueued
	case ByLag:
		return control.SortByLag
	case ByDropped:
		return control.SortByDropped
	case ByLost:
		return control.SortByLost
	}
	return control.SortByID
}

// Order is an order of rows. Names ascend, and everything else descends; Reverse is the other way round. The zero Order is by name.
type Order struct {
	Key     Key
	Reverse bool
}

// sortRows sorts rows of which compare knows the ascending order by the key, and names breaks ties.
func sortRows[Row any](rows []Row, order Order, compare func(a, b *Row) int, names func(a, b *Row) int) {
	direction := -1
	if order.Key == ByName || order.Key == "" {
		direction = 1
	}
	if order.Reverse {
		direction = -direction
	}
	slices.SortStableFunc(rows, func(a, b Row) int { return cmp.Or(direction*compare(&a, &b), names(&a, &b)) })
}
