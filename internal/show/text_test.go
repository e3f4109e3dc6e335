package show_test

import (
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/show"
)

func TestText(t *testing.T) {
	gone := sleep()
	gone.Accessible, gone.FileExists, gone.Metadata, gone.CommandLine = false, false, nil, nil
	sent := uint64(1023)
	for name, test := range map[string]struct {
		payload bus.Payload
		want    string
	}{
		"process": {sleep(), `events.process.lifecycle process start pid=4242 ppid=1 name=sleep executable_path=/usr/bin/sleep ` +
			`user_id=1000 cpu_usage=12.3% memory_usage=3.0MiB command_line=sleep 7 "a b" "" --x=y`},
		"process without details": {&bus.ProcessEvent{PID: 0, Accessible: true, FileExists: true}, `events.process.lifecycle process pid=0`},
		"process that hides": {gone, `events.process.lifecycle process pid=4242 ppid=1 name=sleep executable_path=/usr/bin/sleep ` +
			`user_id=1000 cpu_usage=12.3% memory_usage=3.0MiB accessible=false file_exists=false`},
		"network": {&bus.NetworkEvent{
			Protocol: "tcp", LocalAddr: "[::1]:80", RemoteAddr: "10.0.0.1:4000", State: "established", PID: new(uint32(9)),
			BytesSent: &sent, BytesReceived: new(uint64(1 << 63)), Metadata: bus.Metadata{"action": "open"},
		}, `events.network.connections network open protocol=tcp local_addr=[::1]:80 remote_addr=10.0.0.1:4000 state=established ` +
			`pid=9 bytes_sent=1023B bytes_received=8.0EiB`},
		"filesystem": {&bus.FilesystemEvent{
			Path: "/tmp/a b", Operation: "create", PID: new(uint32(9)), Size: new(uint64(2048)), Permissions: "0644", FileHash: "abc",
		}, `events.filesystem.operations filesystem create path="/tmp/a b" pid=9 size=2.0KiB permissions=0644 file_hash=abc`},
		"performance": {&bus.PerformanceEvent{MetricName: "cpu", Value: 12.5, Unit: "percent", Component: "cpu0"},
			`events.performance.utilization performance cpu value=12.5 unit=percent component=cpu0`},
		"performance in bytes": {&bus.PerformanceEvent{MetricName: "memory_total", Value: 3 << 30, Unit: "bytes", Component: "memory"},
			`events.performance.utilization performance memory_total value=3.0GiB component=memory`},
		"performance of a large rate": {&bus.PerformanceEvent{MetricName: "disk_read", Value: 12345678.9, Unit: "bytes/s", Component: "sda"},
			`events.performance.utilization performance disk_read value=12345679 unit=bytes/s component=sda`},
		"trigger": {&bus.TriggerRequest{
			TriggerID: "t1", TargetCollector: "yara", AnalysisType: bus.AnalysisYARA, Priority: bus.PriorityHigh, TargetPID: new(uint32(9)), TargetPath: `C:\x`,
		}, `control.trigger.request trigger yara_scan target_collector=yara target_pid=9 target_path=C:\x priority=high trigger_id=t1`},
		"health": {&bus.HealthEvent{ID: "c 1", Status: bus.HealthMissing, Interval: 10 * time.Second, Published: 3, Lost: 1},
			`control.health.status health missing id="c 1" interval=10s published=3 dropped=0 lost=1 unsent=0`},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, "2026-01-02T03:04:05.678Z "+test.want, string(show.AppendText(nil, envelope(test.payload), false)))
		})
	}
}

func TestTextOfAnUnknownType(t *testing.T) {
	event := envelope(&bus.Raw{Name: "usb", Data: []byte("\x81\xa1a\xa3b\x1bc")})
	event.Topic = "events.usb.plugged"
	require.Equal(t, `2026-01-02T03:04:05.678Z events.usb.plugged usb payload={"a":"b\u001bc"}`, string(show.AppendText(nil, event, false)))
}

func TestTextTakesTheActionOfTheEnvelope(t *testing.T) {
	p := sleep()
	p.Metadata = nil
	event := envelope(p)
	event.Metadata = bus.Metadata{"action": "exit"}
	require.Contains(t, string(show.AppendText(nil, event, false)), " process exit pid=")
}

// No event can forge a field of its line or a second line.
func TestTextCannotBeForged(t *testing.T) {
	p := sleep()
	p.Name = "sh pid=1\nroot"
	p.Metadata["action"] = "exit pid=2"
	p.CommandLine = []string{"x\x1b[2J", "\u202egpj.exe", "a\u200bb", "\x9b", "\u009b", `back\x1b`}
	text := string(show.AppendText(nil, envelope(p), false))
	require.Contains(t, text, ` process "exit pid=2" pid=4242 ppid=1 name="sh pid=1\nroot" `)
	require.Contains(t, text, ` command_line="x\x1b[2J" "\u202egpj.exe" "a\u200bb" "\x9b" "\u009b" back\x1b`)
}

func TestTextIsBounded(t *testing.T) {
	p := sleep()
	p.Name = strings.Repeat("é", 150) // its 200th byte is in the middle of a character
	p.CommandLine = strings.Split(strings.Repeat("argument ", 60_000), " ")
	text := string(show.AppendText(nil, envelope(p), false))
	require.Equal(t, show.MaxLine, utf8.RuneCountInString(text))
	require.True(t, strings.HasSuffix(text, "…"), text)
	require.Contains(t, text, " name="+strings.Repeat("é", 100)+"… ")
	p.Name = strings.Repeat("\x80", 300)
	require.Contains(t, string(show.AppendText(nil, envelope(p), false)), ` name="`+strings.Repeat(`\x80`, 197)+`"… `)

	colored := string(show.AppendText(nil, envelope(p), true))
	require.Equal(t, string(show.AppendText(nil, envelope(p), false)), uncolor(colored), "cut at the same place")
}

var sgr = regexp.MustCompile("\x1b\\[[0-9]+m")

// uncolor removes the colors, and nothing else that starts with ESC.
func uncolor(text string) string { return sgr.ReplaceAllString(text, "") }

func TestColorsAreClosedAndChangeNothingElse(t *testing.T) {
	for _, payload := range []bus.Payload{
		sleep(), &bus.NetworkEvent{}, &bus.FilesystemEvent{}, &bus.PerformanceEvent{}, &bus.TriggerRequest{}, &bus.HealthEvent{}, &bus.Raw{Name: "usb", Data: []byte{0xc0}},
	} {
		event := envelope(payload)
		colored := string(show.AppendText(nil, event, true))
		require.Equal(t, string(show.AppendText(nil, event, false)), uncolor(colored))
		require.Equal(t, 2*strings.Count(colored, "\x1b[0m"), strings.Count(colored, "\x1b["))
		require.NotZero(t, strings.Count(colored, "\x1b[0m"))
	}
}
