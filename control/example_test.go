package control_test

import (
	"context"
	"fmt"

	"github.com/daemoneye/eventbus/control"
	"github.com/daemoneye/eventbus/localbus"
)

// A program answers, and is asked in the same process as it would be from another one.
func Example() {
	ctx := context.Background()
	b, err := localbus.New(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Shutdown(ctx)
	service, err := control.Serve(ctx, b, control.Options{ID: "hasher-web-1", Program: "hasher", Version: "v1.2.3"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer service.Stop()

	status, err := control.Status(ctx, b, "hasher-web-1")
	fmt.Println(status.Program, status.Version, status.Health, err)
	_, err = control.Status(ctx, b, "nobody")
	fmt.Println(err)
	// Output:
	// hasher v1.2.3 healthy <nil>
	// bus: nobody answers on this topic
}
