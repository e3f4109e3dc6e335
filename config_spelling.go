package eventbus

import (
	"cmp"
	"slices"
	"strings"
)

// nearest returns the path of the known key whose last name is closest to that of an unknown path, or nil if none is close.
// Of keys equally close it is the one that shares the most of the rest: a key in the wrong table is found as well.
func (k schema) nearest(path []string) []string {
	name := strings.ToLower(path[len(path)-1])
	limit := max(1, len(name)/3)
	var best []string
	bestDistance, bestShared := limit+1, 0
	for key := range k {
		candidate := strings.Split(key, ".")
		last := candidate[len(candidate)-1]
		if len(last) > len(name)+limit || len(name) > len(last)+limit {
			continue
		}
		distance := editDistance(name, last)
		if distance > limit {
			continue
		}
		shared := 0
		for shared < min(len(path), len(candidate)) && path[shared] == candidate[shared] {
			shared++
		}
		if cmp.Or(cmp.Compare(distance, bestDistance), cmp.Compare(bestShared, shared), slices.Compare(candidate, best)) < 0 {
			best, bestDistance, bestShared = candidate, distance, shared
		}
	}
	return best
}

// editDistance counts the bytes to insert, remove or change to make one string the other.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1) // of a's prefix so far to each prefix of b
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
