//go:build unix && !race

package faults_test

// manyEvents is how many events show that memory stays flat.
const manyEvents = 5_000_000
