package natsbus

import (
	"errors"
	"time"

	"github.com/nats-io/nats.go"
)

// forbiddenPatience is how long the handler of a complaint of the server may take to be called.
const forbiddenPatience = 100 * time.Millisecond

// settled returns what refused does, after a flush and when it is known. before is the last complaint of the server before what the flush
// was for, and refuse takes note of one. The server complains before it answers the ping of a flush, but nats.go remembers its last
// complaint only, and tells of each in a goroutine of its own.
func settled(conn *nats.Conn, before error, refuse func(complaint error), refused func() error) error {
	last := conn.LastError()
	news := last != before && errors.Is(last, nats.ErrPermissionViolation) //nolint:errorlint // the same value is no news
	if news {
		refuse(last)
	}
	for deadline := time.Now().Add(forbiddenPatience); ; time.Sleep(time.Millisecond) {
		if err := refused(); err != nil || !news || time.Now().After(deadline) {
			return err
		}
	}
}
