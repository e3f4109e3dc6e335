package embed_test

import (
	"context"
	"fmt"
	"os"

	"github.com/daemoneye/eventbus/embed"
)

// helperSocket is the variable that makes the test binary a server on that socket, to be killed by a test.
const helperSocket = "EVENTBUS_TEST_HELPER_SOCKET"

// helperMain serves until standard input ends, and says on standard output when it is ready.
func helperMain(socket string) int {
	server, err := embed.Start(context.Background(), &embed.Options{Socket: socket})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("ready")
	_, _ = os.Stdin.Read(make([]byte, 1)) // ends with the test at the latest
	_ = server.Stop(context.Background())
	return 0
}
