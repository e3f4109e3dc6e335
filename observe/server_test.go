package observe_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/observe"
)

func start(t testing.TB, b bus.Bus, options *observe.Options) *observe.Server {
	t.Helper()
	s, err := observe.Start(background(t), b, options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop(background(t))) })
	return s
}

// get asks on a connection of its own, which is closed then.
func get(t testing.TB, url string, edit func(*http.Request)) (code int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(background(t), http.MethodGet, url, nil)
	require.NoError(t, err)
	r.Close = true
	if edit != nil {
		edit(r)
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(text)
}

func TestEverythingIsServed(t *testing.T) {
	b := inside(t, startServer(t, embed.Options{}))
	publish(t, b, 3)
	s := start(t, b, nil)
	require.Regexp(t, `^http://127\.0\.0\.1:\d+$`, s.URL())
	code, body := get(t, s.URL()+"/metrics", nil)
	require.Equal(t, 200, code)
	for _, line := range []string{
		"eventbus_published_events_total 3", `eventbus_topic_published_events_total{topic="` + topic + `"} 3`, "eventbus_server_clients 0",
		`eventbus_lost_events_total{subscription="other"} 0`, "# TYPE go_goroutines gauge", "# TYPE eventbus_connected gauge",
	} {
		require.Contains(t, body, "\n"+line+"\n")
	}
	require.Regexp(t, `(?m)^eventbus_build_info\{goversion="go1\.[^"]+",version="[^"]+"\} 1$`, body)
	for _, path := range []string{"/healthz", "/readyz"} {
		code, body := get(t, s.URL()+path, nil)
		require.Equal(t, []any{200, "ok\n"}, []any{code, body})
	}
	for _, path := range []string{"/", "/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/profile"} {
		code, _ := get(t, s.URL()+path, nil)
		require.Equal(t, 404, code, "profiles are off")
	}
	code, _ = get(t, s.URL()+"/metrics", func(r *http.Request) { r.Method = http.MethodPost })
	require.Equal(t, 405, code)
}

func TestProfilesAreServedIfWanted(t *testing.T) {
	s := start(t, local(t, nil), &observe.Options{Profiles: true})
	code, body := get(t, s.URL()+"/debug/pprof/", nil)
	require.Equal(t, 200, code)
	require.Regexp(t, `(?m)^goroutine \(\d+\)$`, body)
	_, body = get(t, s.URL()+"/debug/pprof/goroutine?debug=1", nil)
	require.Contains(t, body, "goroutine profile: total ")
	for _, path := range []string{"heap", "profile?seconds=1", "trace?seconds=1"} {
		code, body := get(t, s.URL()+"/debug/pprof/"+path, nil)
		require.Equal(t, 200, code, path)
		require.Greater(t, len(body), 100, path)
	}
	for path, want := range map[string]int{"nonsense": 404, "profile?seconds=0": 400, "profile?seconds=121": 400, "trace?seconds=x": 400} {
		code, _ := get(t, s.URL()+"/debug/pprof/"+path, nil)
		require.Equal(t, want, code, path)
	}
}

func TestOnlyLoopbackIsAllowed(t *testing.T) {
	b := local(t, nil)
	for _, address := range []string{"0.0.0.0:9464", ":9464", "[::]:0", "192.0.2.1:9464", "example.com:9464", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:65536"} {
		s, err := observe.Start(background(t), b, &observe.Options{Listen: address})
		require.Nil(t, s)
		var invalid *observe.OptionError
		require.ErrorAs(t, err, &invalid, address)
		require.Equal(t, "Listen", invalid.Field)
		require.ErrorContains(t, err, address)
		require.Equal(t, err, (&observe.Options{Listen: address}).Validate())
		require.Equal(t, err, observe.Serve(background(t), b, &observe.Options{Listen: address}))
	}
	for _, address := range []string{"127.0.0.1:0", "localhost:0", "127.8.9.10:0"} {
		require.NoError(t, (&observe.Options{Listen: address}).Validate())
	}
	_, err := observe.Handler(b, &observe.Options{QueueFull: -time.Second})
	require.EqualError(t, err, `observe: invalid QueueFull "-1s": must be positive`)
}

func TestATakenAddressIsAnError(t *testing.T) {
	b := local(t, nil)
	s := start(t, b, nil)
	address := strings.TrimPrefix(s.URL(), "http://")
	_, err := observe.Start(background(t), b, &observe.Options{Listen: address})
	require.ErrorContains(t, err, address)
}

// TestAnotherNameForThisHostIsRefused is what a web page does that leads a name of its own to loopback.
func TestAnotherNameForThisHostIsRefused(t *testing.T) {
	s := start(t, local(t, nil), nil)
	port := s.URL()[strings.LastIndexByte(s.URL(), ':'):]
	for host, want := range map[string]int{
		"evil.example" + port: 421, "evil.example": 421, "127.0.0.1.evil.example" + port: 421, "192.0.2.1" + port: 421,
		"localhost" + port: 200, "localhost": 200, "127.0.0.1" + port: 200, "[::1]" + port: 200, "[::1]": 200,
	} {
		code, _ := get(t, s.URL()+"/metrics", func(r *http.Request) { r.Host = host })
		require.Equal(t, want, code, host)
	}
}

// TestStopEndsAProfile that would take its time, and leaves nothing.
func TestStopEndsAProfile(t *testing.T) {
	s, err := observe.Start(background(t), local(t, nil), &observe.Options{Profiles: true})
	require.NoError(t, err)
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "http://"))
	require.NoError(t, err)
	defer conn.Close()
	fmt.Fprintf(conn, "GET /debug/pprof/trace?seconds=120 HTTP/1.1\r\nHost: localhost\r\n\r\n")
	line, err := bufio.NewReader(conn).ReadString('\n') // a trace begins at once
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 200 OK\r\n", line)
	begun := time.Now()
	require.NoError(t, s.Stop(background(t)))
	require.NoError(t, s.Stop(background(t)), "twice is fine")
	require.Less(t, time.Since(begun), patience/2)
	_, err = net.Dial("tcp", strings.TrimPrefix(s.URL(), "http://"))
	require.Error(t, err)
}

// TestConnectionsAreBounded opens more of them than are served at once: the last ones are served when others have gone.
func TestConnectionsAreBounded(t *testing.T) {
	const many = 64 + 10
	s := start(t, local(t, nil), nil)
	var conns []net.Conn
	for range many {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "http://"))
		require.NoError(t, err)
		conns = append(conns, conn)
	}
	ask := func(conn net.Conn) (string, error) {
		fmt.Fprintf(conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		answer, err := io.ReadAll(conn)
		return string(answer), err
	}
	last := make(chan string, 1)
	go func() {
		answer, _ := ask(conns[many-1])
		last <- answer
	}()
	for _, conn := range conns[:many-1] {
		answer, err := ask(conn)
		require.NoError(t, err)
		require.Contains(t, answer, "200 OK")
		conn.Close()
	}
	require.Contains(t, <-last, "200 OK")
	conns[many-1].Close()
}

func TestServeEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(background(t))
	read, write := io.Pipe()
	result := make(chan error, 1)
	go func() {
		result <- observe.Serve(ctx, local(t, nil), &observe.Options{Logger: slog.New(slog.NewTextHandler(write, nil))})
	}()
	line, err := bufio.NewReader(read).ReadString('\n')
	require.NoError(t, err)
	_, url, ok := strings.Cut(strings.TrimSpace(line), "url=")
	require.True(t, ok, line)
	code, _ := get(t, url+"/healthz", nil)
	require.Equal(t, 200, code)
	cancel()
	require.NoError(t, <-result)
	_, err = net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	require.Error(t, err)
}

// TestScrapesAtOnce has several of them while events are published and subscriptions come and go.
func TestScrapesAtOnce(t *testing.T) {
	b := local(t, &bus.Options{Overflow: bus.DropNewest, QueueCapacity: 4})
	s := start(t, b, nil)
	var all sync.WaitGroup
	for i := range 3 {
		all.Go(func() {
			before := 0.0
			m := newMeter(t, b)
			for range 20 {
				if code, _ := get(t, s.URL()+"/metrics", nil); code != 200 {
					t.Errorf("code %d", code)
				}
				values := m.read()
				if now := values["matched_events_total{subscription=other}"]; now < before {
					t.Errorf("a counter went back from %v to %v", before, now)
				} else {
					before = now
				}
			}
		})
		all.Go(func() {
			for n := range 50 {
				id := fmt.Sprint("s", i, "-", n%5)
				subscribe(t, b, bus.Subscription{ID: id})
				publish(t, b, 3)
				_ = b.Unsubscribe(context.Background(), id)
			}
		})
	}
	all.Wait()
}
