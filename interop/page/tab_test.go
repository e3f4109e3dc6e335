package page_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// screen is a size, and light or dark.
type screen struct {
	name          string
	width, height int64
	phone         bool
	scheme        string
}

var (
	desktop = screen{name: "desktop", width: 1440, height: 1000, scheme: "light"}
	phone   = screen{name: "phone", width: 390, height: 844, phone: true, scheme: "dark"}
)

// tab is an open page, and all that it has asked for and complained of.
type tab struct {
	t    testing.TB
	ctx  context.Context
	home string // where the page is from
	end  func() // closes it

	mu       sync.Mutex // guards what follows
	requests []string
	problems []string
}

// open opens a page. When it is closed, at the latest at the end of the test, it must have behaved.
func open(t testing.TB, on screen, url string) *tab {
	t.Helper()
	home, _, _ := strings.Cut(url, "#")
	p := openUnwatched(t, on, home)
	end := p.end
	p.end = sync.OnceFunc(func() {
		end()
		p.mu.Lock()
		defer p.mu.Unlock()
		require.Empty(t, p.problems)
		require.NotEmpty(t, p.requests)
		for _, request := range p.requests {
			require.True(t, strings.HasPrefix(request, home) || strings.HasPrefix(request, "data:"), request)
		}
	})
	t.Cleanup(p.end)
	p.do(chromedp.Navigate(url))
	return p
}

// openUnwatched opens an empty page, and leaves it to the test to look at what it does.
func openUnwatched(t testing.TB, on screen, home string) *tab {
	t.Helper()
	p := &tab{t: t, home: home}
	ctx, end := chromedp.NewContext(browser, chromedp.WithListener(p.listen))
	t.Cleanup(end)
	p.ctx, p.end = ctx, end
	viewport := []chromedp.EmulateViewportOption{chromedp.EmulateScale(1)}
	if on.phone {
		viewport = []chromedp.EmulateViewportOption{chromedp.EmulateScale(2), chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait}
	}
	require.NoError(t, chromedp.Do(ctx)) // without a bound: the tab lives as long as the context of its first call
	p.do(chromedp.EmulateViewport(on.width, on.height, viewport...))
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: on.scheme}},
	})
	require.NoError(t, err)
	return p
}

// listen is called by the browser.
func (p *tab) listen(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, e.Request.URL)
	case *log.EventEntryAdded:
		p.problems = append(p.problems, fmt.Sprintf("%s: %s: %s", e.Entry.Source, e.Entry.Level, e.Entry.Text))
	case *runtime.EventConsoleAPICalled:
		p.problems = append(p.problems, fmt.Sprintf("console: %s", e.Type))
	case *runtime.EventExceptionThrown:
		p.problems = append(p.problems, fmt.Sprintf("exception: %s", e.ExceptionDetails.Text))
	}
}

// complaints returns what the page has complained of, and forgets it.
func (p *tab) complaints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	problems := p.problems
	p.problems = nil
	return problems
}

func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	require.NoError(p.t, chromedp.Do(ctx, steps...))
}

// await waits until an expression is true.
func (p *tab) await(expression string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(0)))
	if err != nil {
		text, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string](`document.body.innerText`))
		require.NoError(p.t, err, "%s\non the page:\n%s", expression, text)
	}
}

// value returns what an expression is.
func value[T any](p *tab, expression string, options ...chromedp.EvaluateOption) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, options...))
	require.NoError(p.t, err, expression)
	return v
}

// filter types into the box, in place of what is there.
func (p *tab) filter(text string) {
	p.t.Helper()
	p.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#filter").value = ""`), chromedp.SendKeys(chromedp.CSS("#filter"), text+" "))
}

// picture returns what is to be seen.
func (p *tab) picture() []byte {
	p.t.Helper()
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	require.NoError(p.t, err)
	return png
}

// fits checks that nothing is wider than the screen.
func (p *tab) fits() {
	p.t.Helper()
	require.LessOrEqual(p.t, value[int](p, `document.documentElement.scrollWidth`), value[int](p, `document.documentElement.clientWidth`))
}
