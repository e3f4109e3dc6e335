package page_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// patience bounds each wait for something that has to happen.
const patience = 30 * time.Second

// startTime bounds the first start of the browser, which has everything to read from the disk.
const startTime = 2 * time.Minute

// step is how often it is looked whether it is there.
const step = 10 * time.Millisecond

// collectorProgram is the collector that the tests run, and browser the context of the Chromium that all of them use.
var (
	collectorProgram string
	browser          context.Context
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	code, err := prepare(m.Run)
	if err != nil {
		fmt.Fprintf(os.Stderr, "page: %v\n", err)
		return 1
	}
	return code
}

// prepare builds the collector and starts the browser.
func prepare(run func() int) (code int, err error) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		return 0, fmt.Errorf("%w: install it first, on Debian with: apt-get install chromium", err)
	}
	dir, err := os.MkdirTemp("", "page")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	collectorProgram = filepath.Join(dir, "collector")
	build := exec.Command("go", "build", "-o", collectorProgram, "./cmd/collector")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("go build: %w\n%s", err, out)
	}
	// Its own sandbox needs what containers and root do not have. It shows nothing here but our page.
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox,
		chromedp.UserDataDir(filepath.Join(dir, "profile")), chromedp.WSURLReadTimeout(startTime))
	allocator, free := chromedp.NewExecAllocator(context.Background(), options...)
	defer free()
	ctx, end := chromedp.NewContext(allocator)
	defer end()
	if err := chromedp.Do(ctx); err != nil {
		return 0, fmt.Errorf("%s does not start: %w", chromium, err)
	}
	browser = ctx
	return run(), nil
}
