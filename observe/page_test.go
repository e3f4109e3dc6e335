package observe_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/observe"
)

const token = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// withPage serves a bus with its page.
func withPage(t testing.TB, b bus.Bus) *observe.Server {
	t.Helper()
	return start(t, b, &observe.Options{Page: true, EventsToken: token})
}

// word is what a page is sent in a line.
type word struct {
	Events string
	View   *struct {
		Published, Arrived, Delivered, Dropped, Lost, Queued, Shown, Seen uint64

		Publisher string
		Reasons   []string
		Closed    bool
		Troubles  map[string]uint64
		Topics    []struct {
			Topic  string
			Events uint64
		}
		MoreTopics int `json:"more_topics"`
		Subs       []struct {
			ID       string
			Dropped  uint64
			Capacity int
			Circuit  string
		}
		MoreSubs int `json:"more_subs"`
		Server   *bus.ServerStatistics
	}
	Sample []struct {
		Time                      int64
		Topic, Type, Source, Text string
	}
}

// visitor reads what a page is sent.
type visitor struct {
	t      testing.TB
	answer *http.Response
	lines  *bufio.Reader
}

// visit asks for what a page is sent, with a token if it is not empty.
func visit(t testing.TB, s *observe.Server, token string) *visitor {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/live", nil)
	require.NoError(t, err)
	r.Close = true
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { answer.Body.Close() })
	return &visitor{t: t, answer: answer, lines: bufio.NewReader(answer.Body)}
}

func (v *visitor) next() (w word) {
	v.t.Helper()
	line, err := v.lines.ReadBytes('\n')
	require.NoError(v.t, err)
	require.NoError(v.t, json.Unmarshal(line, &w))
	return w
}

// until returns the first word for which wanted is true.
func (v *visitor) until(wanted func(word) bool) word {
	v.t.Helper()
	for {
		if w := v.next(); wanted(w) {
			return w
		}
	}
}

func (v *visitor) body() string {
	v.t.Helper()
	text, err := io.ReadAll(v.lines)
	require.NoError(v.t, err)
	return string(text)
}

func isView(w word) bool { return w.View != nil }

// TestThePageBringsItsPolicy, which names the hashes of its style and script, and needs nothing else.
func TestThePageBringsItsPolicy(t *testing.T) {
	s := withPage(t, local(t, nil))
	answer, err := http.Get(s.URL() + "/")
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, 200, answer.StatusCode)
	page, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	policy := answer.Header.Get("Content-Security-Policy")
	for _, element := range []string{"script", "style"} {
		block := regexp.MustCompile(`(?s)<` + element + `>(.*)</` + element + `>`).FindSubmatch(page)
		require.NotNil(t, block)
		hash := sha256.Sum256(block[1])
		require.Contains(t, policy, fmt.Sprintf("%s-src 'sha256-%s'; ", element, base64.StdEncoding.EncodeToString(hash[:])))
	}
	for _, rule := range []string{"default-src 'none'", "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "trusted-types 'none'"} {
		require.Contains(t, policy, rule)
	}
	require.NotContains(t, policy, "unsafe")
	for name, want := range map[string]string{
		"Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp",
		"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
	} {
		require.Equal(t, want, answer.Header.Get(name), name)
		require.Equal(t, want, visit(t, s, "").answer.Header.Get(name), name)
	}
	for _, foreign := range []string{" src=", "innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", " style=", " onclick", "@import", "url("} {
		require.NotContains(t, string(page), foreign)
	}
	require.Equal(t, []string{"http://www.w3.org/2000/svg"}, unique(regexp.MustCompile(`https?://[^"' ]+`).FindAllString(string(page), -1)), "the name of a language, not an address")
}

func unique(all []string) (once []string) {
	seen := make(map[string]bool)
	for _, one := range all {
		if !seen[one] {
			once = append(once, one)
		}
		seen[one] = true
	}
	return once
}

// TestThePageIsSentWhatChanges as long as it is open, which is longer than a request may take otherwise.
func TestThePageIsSentWhatChanges(t *testing.T) {
	b := inside(t, startServer(t, embed.Options{Role: embed.Trusted}))
	v := visit(t, withPage(t, b), "")
	require.Equal(t, "application/x-ndjson", v.answer.Header.Get("Content-Type"))
	require.Equal(t, "locked", v.next().Events)
	first := v.next().View
	require.Equal(t, b.Statistics().Publisher.String(), first.Publisher)
	require.Empty(t, first.Topics)
	require.NotNil(t, first.Server)
	publish(t, b, 3)
	for range 7 { // one a second: read and write timeouts are over in the end
		w := v.until(isView)
		require.Empty(t, w.Sample)
		require.Zero(t, w.View.Shown)
	}
	subscribe(t, b, bus.Subscription{ID: "s<1>", QueueCapacity: 2, Overflow: bus.DropNewest})
	publish(t, b, 3)
	last := v.until(func(w word) bool { return isView(w) && len(w.View.Subs) == 1 && w.View.Published == 6 }).View
	require.Equal(t, topic, last.Topics[0].Topic)
	require.Equal(t, uint64(6), last.Topics[0].Events)
	require.Equal(t, []any{"s<1>", uint64(1), 2}, []any{last.Subs[0].ID, last.Subs[0].Dropped, last.Subs[0].Capacity})
	require.Equal(t, []uint64{1, 2}, []uint64{last.Dropped, last.Queued})
	require.Empty(t, last.Reasons)
	_ = b.Shutdown(ended()) // what is queued is of no interest
	last = v.until(func(w word) bool { return isView(w) && w.View.Closed }).View
	require.Equal(t, []string{"the bus is shut down"}, last.Reasons)
}

// TestThePageCountsWhatOthersPublish to others, of whom nobody is in this process.
func TestThePageCountsWhatOthersPublish(t *testing.T) {
	server := startServer(t, embed.Options{Role: embed.Trusted})
	b := inside(t, server)
	v := visit(t, withPage(t, b), token)
	require.Equal(t, "shown", v.next().Events)
	other := attach(t, server)
	publish(t, other, 3)
	require.NoError(t, other.Flush(background(t)))
	require.Equal(t, topic, v.until(func(w word) bool { return len(w.Sample) > 0 }).Sample[0].Topic)
	view := v.until(func(w word) bool { return isView(w) && w.View.Arrived == 3 }).View
	require.Equal(t, uint64(3), view.Topics[0].Events)
	require.Equal(t, 1, view.Server.Clients)
}

func TestEventsAreShownToWhoHasTheToken(t *testing.T) {
	b := local(t, nil)
	s := withPage(t, b)
	for _, wrong := range []string{"x", token + "x", token[1:], strings.ToLower(token)} {
		v := visit(t, s, wrong)
		require.Equal(t, http.StatusUnauthorized, v.answer.StatusCode)
		require.NotContains(t, v.body(), token)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/live?token="+token, nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Basic "+token)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	other := &visitor{t: t, answer: answer, lines: bufio.NewReader(answer.Body)}
	require.Equal(t, "locked", other.next().Events, "it is taken from nowhere else")

	v := visit(t, s, token)
	require.Equal(t, "shown", v.next().Events)
	v.next()
	require.NoError(t, b.Publish(background(t), bus.Event{Source: "a\x1b", Payload: &bus.ProcessEvent{PID: 7, Name: "<b>\u202e", CommandLine: []string{"rm", "-r f"}}}))
	event := v.until(func(w word) bool { return len(w.Sample) > 0 }).Sample[0]
	require.Equal(t, []string{topic, "process", `a\x1b`}, []string{event.Topic, event.Type, event.Source})
	require.Contains(t, event.Text, `pid=7 name="<b>\u202e"`)
	require.Contains(t, event.Text, `command_line=rm "-r f"`)
	require.Zero(t, b.Statistics().ActiveSubscribers)
	require.Zero(t, b.Statistics().Matched)

	off := visit(t, start(t, b, &observe.Options{Page: true}), "")
	require.Equal(t, "off", off.next().Events)
	require.Equal(t, http.StatusUnauthorized, visit(t, start(t, b, &observe.Options{Page: true}), token).answer.StatusCode, "no token is right there")
}

// TestFewOfManyEventsAreShown and the rest is counted.
func TestFewOfManyEventsAreShown(t *testing.T) {
	b := local(t, nil)
	v := visit(t, withPage(t, b), token)
	v.until(isView)
	const many = 500
	publish(t, b, many)
	shown := 0
	w := v.until(func(w word) bool {
		shown += len(w.Sample)
		return isView(w) && w.View.Seen == many
	})
	require.NotZero(t, shown)
	require.LessOrEqual(t, shown, observe.MaxPageEvents)
	require.Equal(t, uint64(shown), w.View.Shown)
	publish(t, b, 1)
	require.Len(t, v.until(func(w word) bool { return len(w.Sample) > 0 }).Sample, 1, "then there is room again")
}

// TestEventsThatKeepComingAreShownEvenly: not fifty of them at once and then nothing for a second.
func TestEventsThatKeepComingAreShownEvenly(t *testing.T) {
	b := local(t, nil)
	s := withPage(t, b)
	stop := make(chan struct{})
	var publisher sync.WaitGroup
	publisher.Go(func() {
		ticker := time.NewTicker(time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				publish(t, b, 10)
			case <-stop:
				return
			}
		}
	})
	defer publisher.Wait()
	defer close(stop)
	v := visit(t, s, token)
	isSample := func(w word) bool { return len(w.Sample) > 0 }
	require.Len(t, v.until(isSample).Sample, observe.MaxPageEvents, "the first ones come at once")
	for range 4 {
		require.LessOrEqual(t, len(v.until(isSample).Sample), observe.MaxPageEvents/4)
	}
}

func TestPagesAreBounded(t *testing.T) {
	s := withPage(t, local(t, nil))
	var pages []*visitor
	for range observe.MaxPages {
		v := visit(t, s, "")
		v.next()
		pages = append(pages, v)
	}
	v := visit(t, s, "")
	require.Equal(t, http.StatusServiceUnavailable, v.answer.StatusCode)
	require.Equal(t, "too many pages are open\n", v.body())
	code, _ := get(t, s.URL()+"/healthz", nil)
	require.Equal(t, 200, code, "everything else is served all the same")
	require.NoError(t, pages[0].answer.Body.Close())
	require.Eventually(t, func() bool { return visit(t, s, "").answer.StatusCode == http.StatusOK }, patience, step)
}

func TestOtherSitesTakeUpNoPlace(t *testing.T) {
	s := withPage(t, local(t, nil))
	for site, want := range map[string]int{"cross-site": 403, "same-site": 403, "same-origin": 200, "none": 200} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/live", nil)
		require.NoError(t, err)
		r.Header.Set("Sec-Fetch-Site", site)
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		answer.Body.Close()
		require.Equal(t, want, answer.StatusCode, site)
	}
}

// TestManySubscriptionsAndTopics are shown in part; those in trouble are.
func TestManySubscriptionsAndTopics(t *testing.T) {
	b := local(t, &bus.Options{QueueCapacity: 1, Overflow: bus.DropNewest})
	for i := range 150 {
		subscribe(t, b, bus.Subscription{ID: fmt.Sprintf("s%03d", i), Patterns: []string{"control.#"}})
	}
	subscribe(t, b, bus.Subscription{ID: "trouble"})
	for i := range observe.MaxTopics + 5 {
		event := process(1)
		event.Topic = fmt.Sprintf("events.a.t%d", i)
		require.NoError(t, b.Publish(background(t), event))
	}
	view := visit(t, withPage(t, b), "").until(isView).View
	require.Len(t, view.Subs, 100)
	require.Equal(t, 51, view.MoreSubs)
	require.Equal(t, "trouble", view.Subs[99].ID)
	require.Len(t, view.Topics, observe.MaxTopics)
	require.Equal(t, 5, view.MoreTopics)
}

func TestThePageEndsWithTheServer(t *testing.T) {
	s, err := observe.Start(background(t), local(t, nil), &observe.Options{Page: true})
	require.NoError(t, err)
	v := visit(t, s, "")
	v.until(isView)
	require.NoError(t, s.Stop(background(t)))
	v.body()
}

func TestTheTokenIsLongAndForThePage(t *testing.T) {
	for _, test := range []struct {
		options observe.Options
		want    string
	}{
		{observe.Options{Page: true, EventsToken: token[:19]}, `observe: invalid EventsToken "19 characters": must have at least 20`},
		{observe.Options{EventsToken: token}, `observe: invalid EventsToken "26 characters": is for the page, which is off`},
	} {
		require.EqualError(t, test.options.Validate(), test.want)
	}
	code, _ := get(t, start(t, local(t, nil), nil).URL()+"/live", nil)
	require.Equal(t, 404, code)
}
