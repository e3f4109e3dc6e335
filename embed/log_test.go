package embed_test

import (
	"bufio"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/embed"
)

// TestClientsDoNotFillTheLog with what they do wrong: about all of them there is a line a second.
func TestClientsDoNotFillTheLog(t *testing.T) {
	for name, wrong := range map[string]string{
		"too much":      "CONNECT {}\r\nPUB events.process.lifecycle 99999999\r\n",
		"no such line":  "CONNECT {}\r\nSUB a b c d e\r\n",
		"no permission": "CONNECT {}\r\nSUB in.> 1\r\n",
		"no credential": "CONNECT {\"user\":\"somebody\"}\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			log, options := new(lines), &embed.Options{}
			log.take(options)
			server := start(t, options)
			begun := time.Now()
			for range 100 {
				conn := rawClient(t, server)
				_, err := fmt.Fprint(conn, wrong)
				require.NoError(t, err)
				said := bufio.NewScanner(conn)
				for said.Scan() && !strings.HasPrefix(said.Text(), "-ERR") {
				}
				require.NoError(t, conn.Close())
			}
			require.Eventually(t, func() bool { return log.Len() > 0 }, patience, time.Millisecond)
			require.LessOrEqual(t, log.Len(), 2+int(time.Since(begun).Seconds()), "the first: %s", log.first("cid"))
		})
	}
}
