//go:build unix && race

package faults_test

// manyEvents is how many events show that memory stays flat: with the race detector, which is ten times slower, a tenth.
const manyEvents = 500_000
