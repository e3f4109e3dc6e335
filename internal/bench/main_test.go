package bench_test

import (
	"os"
	"testing"

	"github.com/daemoneye/eventbus/internal/bench"
)

// The workers of these tests are this program again.
func TestMain(m *testing.M) {
	if code, asked := bench.Worker(bench.Peers{}); asked {
		os.Exit(code)
	}
	os.Exit(m.Run())
}
