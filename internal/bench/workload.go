package bench

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/daemoneye/eventbus/bus"
)

const (
	// poolSize is how many different events there are, a power of two. At 10,000 events per second the same one comes again after
	// 0.4 s, which is longer than any of them is on its way.
	poolSize = 4096
	// firstPID is the PID of event 0. The others follow, so that the PID says which event it is.
	firstPID = 1000

	// Pattern is what every subscriber subscribes to.
	Pattern = "events.process.+"
	// QueueCapacity is the length of every queue inside a process, of our buses and of whatever else can be told.
	QueueCapacity = 1024
)

// Pool is the work: different process events, which are published in turn.
type Pool []*bus.ProcessEvent

// NewPool returns the events. They are the same in every process.
func NewPool() Pool {
	started := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	pool := make(Pool, poolSize)
	for i := range pool {
		hash := sha256.Sum256([]byte(strconv.Itoa(i)))
		pool[i] = &bus.ProcessEvent{
			PID:            firstPID + uint32(i),
			PPID:           new(uint32(1 + i/16)),
			Name:           fmt.Sprintf("worker-%04d", i),
			ExecutablePath: fmt.Sprintf("/usr/lib/service-%02d/bin/worker-%04d", i%64, i),
			CommandLine:    []string{fmt.Sprintf("worker-%04d", i), fmt.Sprintf("--config=/etc/service-%02d/worker.toml", i%64)},
			StartTime:      started.Add(time.Duration(i) * time.Second),
			CPUUsage:       new(float64(i%1000) / 10),
			MemoryUsage:    new(uint64(8<<20 + i<<12)),
			ExecutableHash: hex.EncodeToString(hash[:]),
			HashAlgorithm:  "sha256",
			UserID:         strconv.Itoa(1000 + i%32),
			Accessible:     true,
			FileExists:     true,
			Timestamp:      started.Add(time.Hour + time.Duration(i)*time.Millisecond),
		}
	}
	return pool
}

// At returns the event of the i-th publish.
func (p Pool) At(i int) *bus.ProcessEvent { return p[i&(poolSize-1)] }

// Index returns where in the pool an event is, and of what, in this process or in another one.
func Index(e *bus.ProcessEvent) int { return int(e.PID-firstPID) & (poolSize - 1) }

// sum returns the sum of the PIDs of n publishes that begin with the one numbered first: what a reader of all of them has to get.
func (p Pool) sum(first, n int) uint64 {
	const cycle = uint64(poolSize)*firstPID + uint64(poolSize)*(poolSize-1)/2
	total := uint64(n/poolSize) * cycle
	for i := range n % poolSize {
		total += uint64(p.At(first + i).PID)
	}
	return total
}
