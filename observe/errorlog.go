package observe

import (
	"log"
	"log/slog"
	"strings"
)

// errorLog returns what net/http and Prometheus log through. Their texts are all different, so they become an attribute.
func errorLog(logger *slog.Logger) *log.Logger { return log.New(errorLines{logger}, "", 0) }

// errorLines logs each Write, which a [log.Logger] makes once for each line.
type errorLines struct{ logger *slog.Logger }

func (l errorLines) Write(p []byte) (int, error) {
	l.logger.Warn("serving metrics and health had an error", "error", strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}
