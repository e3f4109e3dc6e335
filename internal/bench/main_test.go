package bench_test

import (
	"log"
	"os"
	"testing"

	"github.com/daemoneye/eventbus/internal/bench"
)

// The workers of these tests are this program again.
func TestMain(m *testing.M) {
	if code, asked := bench.Worker(bench.Peers{}); asked {
		os.Exit(code)
	}
	// Otherwise the race detector holds up the end of each worker for a second.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0"); err != nil {
		log.Fatal(err)
	}
	os.Exit(m.Run())
}
