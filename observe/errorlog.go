package observe

import (
	"log"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// errorInterval is the least time between two lines about errors: whoever breaks off a scrape makes one, and everybody on the host can.
const errorInterval = time.Second

// errorLog returns what net/http and Prometheus log through. Their texts are all different, so they become an attribute.
func errorLog(logger *slog.Logger) *log.Logger {
	return log.New(&errorLines{logger: logger, lines: rate.Sometimes{Interval: errorInterval}}, "", 0)
}

// errorLines logs what is written, which a [log.Logger] does once for each line, and one line at a time.
type errorLines struct {
	logger *slog.Logger
	lines  rate.Sometimes
	soFar  uint64
}

func (l *errorLines) Write(p []byte) (int, error) {
	l.soFar++
	l.lines.Do(func() {
		l.logger.Warn("serving metrics and health had an error", "error", strings.TrimSuffix(string(p), "\n"), "so_far", l.soFar)
	})
	return len(p), nil
}
