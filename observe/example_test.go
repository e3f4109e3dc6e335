package observe_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"

	"github.com/daemoneye/eventbus/localbus"
	"github.com/daemoneye/eventbus/observe"
)

func ExampleStart() {
	ctx := context.Background()
	b, err := localbus.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	server, err := observe.Start(ctx, b, &observe.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		log.Fatal(err)
	}
	show := func() {
		answer, err := http.Get(server.URL() + "/readyz")
		if err != nil {
			log.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		fmt.Printf("%s: %s", answer.Status, text)
	}
	show()
	b.Shutdown(ctx)
	show()
	http.DefaultClient.CloseIdleConnections()
	server.Stop(ctx)
	// Output:
	// 200 OK: ok
	// 503 Service Unavailable: the bus is shut down
}
