package page_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
)

var update = flag.Bool("update", false, "make docs/page.png anew")

// maxPicture bounds the picture, which everybody who reads the README is sent.
const maxPicture = 300 << 10

// TestPicture makes the picture of the README, with -update; without it, it checks the one that is there.
func TestPicture(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "page.png")
	if *update {
		require.NoError(t, os.WriteFile(file, takePicture(t), 0o600))
		require.NoError(t, os.Chmod(file, 0o644))
	}
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Less(t, info.Size(), int64(maxPicture))
}

// takePicture has a busy host for two minutes, which is what the plots show.
func takePicture(t *testing.T) []byte {
	s := newStage(t)
	ctx, end := context.WithCancel(context.Background())
	var acting sync.WaitGroup
	t.Cleanup(acting.Wait)
	t.Cleanup(end)
	read := func(id string, pause time.Duration, subscription bus.Subscription) {
		subscription.ID = id
		r := s.subscribe(subscription)
		acting.Go(func() {
			for {
				if _, err := r.Next(ctx); err != nil {
					return
				}
				if pause > 0 && !sleep(ctx, pause) {
					return
				}
			}
		})
	}
	read("detector", 0, bus.Subscription{Patterns: []string{"events.process.#", "events.network.#"}, QueueCapacity: 1024})
	read("baseline", 0, bus.Subscription{Patterns: []string{"events.#"}, QueueCapacity: 4096, Overflow: bus.DropOldest})
	read("archive", 2200*time.Microsecond, bus.Subscription{Patterns: []string{"events.#"}, QueueCapacity: 8192, Overflow: bus.DropNewest})
	read("file-hashes", 45*time.Millisecond, bus.Subscription{Patterns: []string{"events.filesystem.#"}, QueueCapacity: 256, Overflow: bus.DropNewest})
	outside := s.attach()
	for _, a := range cast {
		on := bus.Bus(s.bus)
		if a.outside {
			on = outside
		}
		acting.Go(func() { a.play(ctx, on) })
	}
	p := open(t, screen{width: 1440, height: 1060, scheme: "dark"}, s.link)
	seconds := `document.querySelector("#tiles path:last-child").getAttribute("d")?.split("L").length ?? 0`
	for range 40 {
		if value[int](p, seconds) >= 115 {
			break
		}
		sleep(ctx, 5*time.Second)
	}
	s.lose(3)
	sleep(ctx, 8*time.Second)
	return smaller(t, p.picture())
}

// smaller packs a picture as tightly as it goes, which the browser has no time for.
func smaller(t *testing.T, picture []byte) []byte {
	pixels, err := png.Decode(bytes.NewReader(picture))
	require.NoError(t, err)
	var packed bytes.Buffer
	require.NoError(t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&packed, pixels))
	return packed.Bytes()
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// actor publishes on a topic, at a rate that goes up and down.
type actor struct {
	topic       string
	rate, swing float64 // events a second
	period      float64 // seconds
	outside     bool    // in another process, as it were
	event       func(n int) bus.Event
}

func (a actor) play(ctx context.Context, on bus.Bus) {
	const turn = 50 * time.Millisecond
	begin, due := time.Now(), 0.0
	for n := 0; sleep(ctx, turn); {
		at := time.Since(begin).Seconds()
		wave := math.Sin(2*math.Pi*at/a.period) + 0.5*math.Sin(2*math.Pi*at/(a.period*0.37)+1) + 0.4*math.Sin(at*3.1+a.period)
		due += max(0, a.rate+a.swing*wave) * turn.Seconds()
		for ; due >= 1; due-- {
			n++
			event := a.event(n)
			event.Topic = a.topic
			_ = on.Publish(ctx, event) // it ends with the picture
		}
	}
}

func pick[T any](n int, from ...T) T { return from[n*7%len(from)] }

var cast = []actor{
	{"events.process.lifecycle", 90, 60, 41, false, func(n int) bus.Event {
		name := pick(n, "sshd", "python3", "git", "bash", "nginx")
		command := map[string][]string{
			"sshd": {"sshd:", "deploy", "[priv]"}, "python3": {"python3", "/srv/app/worker.py", "--queue", "mail"}, "git": {"git", "fetch", "--prune", "origin"},
			"bash": {"bash", "-c", "systemctl is-active nginx"}, "nginx": {"nginx:", "worker", "process"},
		}[name]
		return bus.Event{Source: "process", Metadata: bus.Metadata{"action": pick(n, "start", "exit")}, Payload: &bus.ProcessEvent{
			PID: uint32(2000 + n*13%28000), PPID: new(uint32(1 + n%900)), Name: name, ExecutablePath: "/usr/bin/" + name, CommandLine: command, UserID: pick(n, "0", "33", "1000"), Accessible: true, FileExists: true, Timestamp: time.Now(),
		}}
	}},
	{"events.process.metadata", 45, 30, 23, false, func(n int) bus.Event {
		return bus.Event{Source: "process", Metadata: bus.Metadata{"action": "change"}, Payload: &bus.ProcessEvent{
			PID: uint32(800 + n*17%500), Name: pick(n, "postgres", "redis-server", "nginx", "journald"), CPUUsage: new(float64(n*37%900) / 10), MemoryUsage: new(uint64(20+n*11%700) << 20), Accessible: true, FileExists: true, Timestamp: time.Now(),
		}}
	}},
	{"events.network.connections", 130, 110, 57, false, func(n int) bus.Event {
		return bus.Event{Source: "network", Metadata: bus.Metadata{"action": pick(n, "open", "close", "change")}, Payload: &bus.NetworkEvent{
			ConnectionID: fmt.Sprint(n), Protocol: "tcp", LocalAddr: "10.4.0.17:443", RemoteAddr: fmt.Sprintf("198.51.100.%d:%d", 1+n*29%250, 30000+n*71%30000), State: pick(n, "established", "time_wait", "syn_recv"), PID: new(uint32(911)), Timestamp: time.Now(),
		}}
	}},
	{"events.network.traffic", 25, 10, 31, false, func(n int) bus.Event {
		return bus.Event{Source: "network", Payload: &bus.NetworkEvent{ConnectionID: fmt.Sprint(n), Protocol: "tcp", LocalAddr: "10.4.0.17:5432", RemoteAddr: fmt.Sprintf("10.4.0.%d:%d", 20+n%9, 40000+n*31%9000), State: "established", BytesSent: new(uint64(n * 7919 % 900000)), BytesReceived: new(uint64(n * 104729 % 9000000)), Timestamp: time.Now()}}
	}},
	{"events.filesystem.operations", 38, 36, 29, true, func(n int) bus.Event {
		return bus.Event{Source: "filesystem", Payload: &bus.FilesystemEvent{Path: pick(n, "/etc/nginx/nginx.conf", "/etc/passwd", "/opt/deploy/run.sh", "/home/ann/.ssh/authorized_keys", "/etc/cron.d/backup"), Operation: pick(n, "write", "create", "chmod", "rename"), Size: new(uint64(n * 611 % 90000)), Permissions: pick(n, "0644", "0600", "0755"), Timestamp: time.Now()}}
	}},
	{"events.performance.utilization", 8, 1, 19, false, func(n int) bus.Event {
		return bus.Event{Source: "performance", Payload: &bus.PerformanceEvent{MetricName: pick(n, "cpu_usage", "memory_usage", "load"), Value: float64(n*13%100) + 0.5, Unit: "percent", Component: pick(n, "cpu", "memory"), Timestamp: time.Now()}}
	}},
	{"events.process.anomaly", 0.6, 1.1, 37, false, func(n int) bus.Event {
		return bus.Event{Source: "detector", Metadata: bus.Metadata{"action": "anomaly"}, Payload: &bus.ProcessEvent{PID: uint32(4000 + n), Name: "kworker-miner", ExecutablePath: "/tmp/.x/kworker-miner", CommandLine: []string{"./kworker-miner", "--pool", "203.0.113.9:3333"}, UserID: "33", Accessible: true, Timestamp: time.Now()}}
	}},
	{"control.health.heartbeat", 4, 0.5, 11, false, func(n int) bus.Event {
		return bus.Event{Source: "agent", Payload: &bus.PerformanceEvent{MetricName: "heartbeat", Value: float64(n), Unit: "1", Component: "agent", Timestamp: time.Now()}}
	}},
}
