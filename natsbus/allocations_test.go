package natsbus_test

import (
	"testing"

	"github.com/daemoneye/eventbus/bus/bustest"
	"github.com/daemoneye/eventbus/natsbus"
)

func TestAllocations(t *testing.T) {
	bustest.Allocations(t, closing(t)(natsbus.InProcess(background(t), startServer(t), nil)))
}
