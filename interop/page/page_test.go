package page_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/observe"
)

// Queries of the page. dead is a script that would run if a text became markup.
const (
	firstEvent = `document.querySelector("#log li")`
	total      = `document.querySelector("#topics .topic > :last-child")?.textContent`
	health     = `document.querySelector("#health").textContent`
	dead       = `<img src=x onerror="window.ran=1"><script>window.ran=1</script><svg onload=window.ran=1>`
)

// red is the color of what went wrong, as the browser says it.
func red(p *tab, element string) bool {
	return value[bool](p, `getComputedStyle(`+element+`).color === getComputedStyle(Object.assign(document.body.appendChild(document.createElement("i")), {className: "bad"})).color`)
}

// TestTroublesAreRed has drops, losses and an open circuit, on both kinds of screen.
func TestTroublesAreRed(t *testing.T) {
	for _, on := range []screen{desktop, phone} {
		t.Run(on.name, func(t *testing.T) {
			s := newStage(t)
			p := open(t, on, s.link)
			p.await(health + ` === "ready"`)
			p.await(`document.querySelector("#subs .empty") !== null`)
			s.subscribe(bus.Subscription{ID: "stuck", Patterns: []string{"events.#"}, QueueCapacity: 4, Overflow: bus.DropNewest})
			s.subscribe(bus.Subscription{ID: "oldest", Patterns: []string{"events.#"}, QueueCapacity: 4, Overflow: bus.DropOldest})
			s.subscribe(bus.Subscription{ID: "broken", Patterns: []string{"events.#"}, QueueCapacity: 1, Overflow: bus.BreakCircuit, CircuitBreak: bus.CircuitBreak{Overflows: 2}})
			s.lose(7)
			for pid := range uint32(20) {
				s.publish(process(pid+1, "p"))
			}
			p.await(`document.querySelectorAll("#subs .sub").length === 3`)
			p.await(`document.querySelector("#tiles .tile:nth-child(6) b").textContent === "21"`) // each of them has lost 7
			p.await(`document.querySelector("#tiles .tile:nth-child(5) b").textContent !== "0"`)
			require.True(t, red(p, `document.querySelector("#tiles .tile:nth-child(5) b")`), "dropped")
			require.True(t, red(p, `document.querySelector("#tiles .tile:nth-child(6) b")`), "lost")
			require.False(t, red(p, `document.querySelector("#tiles .tile:nth-child(1) b")`), "published")
			p.await(health + ` === "not ready"`)
			p.await(`[...document.querySelectorAll("#alarm li")].some(e => e.textContent.includes('subscription "broken": its circuit is open'))`)
			p.await(`[...document.querySelectorAll("#alarm li")].some(e => e.textContent.includes('subscription "stuck": its queue of 4 events has been full'))`)
			row := `[...document.querySelectorAll("#subs .sub")].find(e => e.textContent.startsWith("oldest"))`
			p.await(row + `.textContent.includes("displaced 18")`)
			p.await(row + `.textContent.includes("4 / 4")`)
			p.await(row + `.textContent.includes("lost 7")`)
			p.await(`[...document.querySelectorAll("#subs .tag.bad")].some(e => !e.hidden && e.textContent === "circuit open")`)
			p.await(`[...document.querySelectorAll("#causes div")].find(e => e.textContent.startsWith("displaced")).querySelector(".bad") !== null`)
			p.fits()
			require.NoError(t, s.bus.Unsubscribe(waiting(t), "broken"))
			p.await(`document.querySelectorAll("#subs .sub").length === 2`)
		})
	}
}

// TestTextsFromTheHostStayTexts publishes markup wherever a text goes.
func TestTextsFromTheHostStayTexts(t *testing.T) {
	s := newStage(t)
	p := open(t, desktop, s.link)
	p.await(health + ` === "ready"`)
	s.subscribe(bus.Subscription{ID: dead, QueueCapacity: 1, Overflow: bus.BreakCircuit, CircuitBreak: bus.CircuitBreak{Overflows: 1}})
	event := process(1, dead, dead, "\x1b]0;t\a\u202e")
	event.Source = dead
	raw := bus.Event{Topic: "events.usb.plugged", Source: "javascript:window.ran=1", Payload: &bus.Raw{Name: "usb", Data: append([]byte{0xd9, byte(len(dead))}, dead...)}}
	s.publish(event, raw, event, event)
	p.await(`document.querySelectorAll("#log li").length === 4`)
	p.await(`document.querySelectorAll("#alarm li").length > 0`) // the reason has the name of the subscription
	p.await(`document.querySelector("#subs .name").textContent.startsWith(` + "`" + strings.ReplaceAll(dead, "`", "") + "`" + `)`)
	text := value[string](p, firstEvent+`.textContent`)
	require.Contains(t, text, `name="<img src=x onerror=`)
	require.Contains(t, text, `\x1b]0;t\a\u202e`)
	require.Contains(t, value[string](p, firstEvent+`.querySelector(".on").title`), "<script>")
	p.filter("<script>")
	p.await(`document.querySelectorAll("#log li").length === 4`)
	require.Zero(t, value[int](p, `document.querySelectorAll("main img, main script, #log svg, #subs svg").length`))
	require.Equal(t, "undefined", value[string](p, `typeof window.ran`))
}

// TestThePolicyRefuses what a script would do that got into the page all the same, and the tests would notice.
func TestThePolicyRefuses(t *testing.T) {
	s := newStage(t)
	for _, attempt := range []string{
		`document.body.innerHTML = "<b>x</b>"`,
		`new Image().src = "http://127.0.0.1:9/stolen"`,
		`fetch("http://127.0.0.1:9/stolen").catch(() => {})`,
		`document.body.append(Object.assign(document.createElement("iframe"), {src: "http://127.0.0.1:9/"}))`,
		`document.body.setAttribute("style", "color: red")`,
		`document.createElement("script").src = "http://127.0.0.1:9/x.js"`,
		`const s = document.createElement("form"); s.action = "http://127.0.0.1:9/"; document.body.append(s); s.submit()`,
	} {
		p := openUnwatched(t, desktop, s.http.URL())
		p.do(chromedp.Navigate(s.link))
		p.await(health + ` === "ready"`)
		require.Empty(t, p.complaints())
		_, _ = chromedp.Run(p.ctx, chromedp.Evaluate[any](attempt)) // it may throw
		var said string
		require.Eventually(t, func() bool {
			said += fmt.Sprint(p.complaints())
			return strings.Contains(said, "Content Security Policy") || strings.Contains(said, "requires 'Trusted")
		}, patience, step, attempt)
		require.Equal(t, "undefined", value[string](p, `typeof window.ran`))
		p.end() // a browser has six connections to a server at most, and each page keeps one
	}
}

// TestFilterAndPause look at events that keep coming.
func TestFilterAndPause(t *testing.T) {
	s := newStage(t)
	p := open(t, desktop, s.link)
	p.await(health + ` === "ready"`)
	for pid := range uint32(10) {
		s.publish(process(pid+1, "alpha"), process(pid+101, "beta", "beta", "--flag"))
	}
	p.await(`document.querySelectorAll("#log li").length === 20`)
	p.filter("BETA")
	p.await(`document.querySelectorAll("#log li").length === 10`)
	p.filter("beta pid=105")
	p.await(`document.querySelectorAll("#log li").length === 1`)
	p.filter("-beta process")
	p.await(`document.querySelectorAll("#log li").length === 10 && ` + firstEvent + `.textContent.includes("alpha")`)
	s.publish(process(11, "alpha"), process(111, "beta"))
	p.await(firstEvent + `.textContent.includes("pid=11 ")`)
	require.Equal(t, 11, value[int](p, `document.querySelectorAll("#log li").length`))
	p.filter("")
	p.await(`document.querySelectorAll("#log li").length === 22`)

	p.await(total + ` === "22"`)
	p.do(chromedp.Click(chromedp.CSS("#pause")))
	p.await(`document.querySelector("#pause").textContent === "Resume"`)
	s.publish(process(201, "gamma"), process(202, "gamma"))
	p.await(`document.querySelector("#events-note").textContent.includes("2 more since the pause")`)
	require.Equal(t, 22, value[int](p, `document.querySelectorAll("#log li").length`))
	require.Equal(t, "22", value[string](p, total))
	p.do(chromedp.Click(chromedp.CSS("#pause")))
	p.await(`document.querySelectorAll("#log li").length === 24`)
	p.await(total + ` === "24"`)
}

// TestEventsNeedTheLink has somebody without it, and somebody with that of a former run.
func TestEventsNeedTheLink(t *testing.T) {
	s := newStage(t)
	for _, url := range []string{s.http.URL() + "/", s.http.URL() + "/#token=" + strings.Repeat("A", 26)} {
		p := openUnwatched(t, desktop, s.http.URL())
		p.do(chromedp.Navigate(url))
		s.publish(process(1, "secret"))
		p.await(`document.querySelector("#topics .topic b") !== null`)
		p.await(`document.querySelector("#why").textContent.includes("which nobody else can read")`)
		require.Zero(t, value[int](p, `document.querySelectorAll("#log li").length`))
		require.Empty(t, value[string](p, `location.hash + (sessionStorage.getItem("token") ?? "")`))
		// In the same tab the link only changes what is behind the #.
		p.do(chromedp.Evaluate[chromedp.Void](`location.hash = "token=` + s.token + `"`))
		p.await(`!document.querySelector("#log").hidden`)
		require.Empty(t, value[string](p, `location.hash`), "it does not stay in the address")
		p.do(chromedp.Reload())
		p.await(`!document.querySelector("#log").hidden`)
	}
}

// TestTheServerComesBack has a page that outlives it.
func TestTheServerComesBack(t *testing.T) {
	s := newStage(t)
	p := openUnwatched(t, desktop, s.http.URL())
	p.do(chromedp.Navigate(s.link))
	p.await(health + ` === "ready"`)
	address := strings.TrimPrefix(s.http.URL(), "http://")
	require.NoError(t, s.http.Stop(waiting(t)))
	p.await(health + ` === "not connected"`)
	require.Contains(t, value[string](p, `document.querySelector("#alarm").textContent`), "Trying again.")
	again, err := observe.Start(waiting(t), s.bus, &observe.Options{Listen: address, Page: true, EventsToken: s.token})
	require.NoError(t, err)
	defer func() { require.NoError(t, again.Stop(waiting(t))) }()
	p.await(health + ` === "ready"`)
	require.True(t, value[bool](p, `document.querySelector("#alarm").hidden`))
}

// TestAnotherSiteGetsNothing has a page of another origin that asks for what this one shows.
func TestAnotherSiteGetsNothing(t *testing.T) {
	s := newStage(t)
	other := newStage(t)
	p := openUnwatched(t, desktop, other.http.URL())
	p.do(chromedp.Navigate(other.http.URL() + "/metrics")) // without a policy that would keep it from asking
	got := value[string](p, `fetch("`+s.http.URL()+`/live").then(() => "read", () => "refused")`, chromedp.EvalAwaitPromise)
	require.Equal(t, "refused", got)
	r, err := http.NewRequestWithContext(waiting(t), http.MethodGet, s.http.URL()+"/live", nil)
	require.NoError(t, err)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, http.StatusForbidden, answer.StatusCode)
}
