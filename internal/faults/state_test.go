//go:build unix

package faults_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus/bustest"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/natsbus"
)

// TestStateDirectoryGone removes the directory with the socket and the token under a running server. Who is attached
// stays so; who comes is told what is missing; and the server ends in order.
func TestStateDirectoryGone(t *testing.T) {
	leavesNothing(t)
	var audit bustest.Audit
	dir := filepath.Join(filepath.Dir(socketPath(t)), "state")
	server := startServer(t, &embed.Options{Role: embed.Trusted, Socket: filepath.Join(dir, "s")})
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	attached := closing(t)(natsbus.Attach(background(t), server.Socket(), nil))
	reader := audit.Subscribe(t, attached, roomy("attached"), false, nil)
	publisher := startPublishing(&audit, inside, []string{topic}, reader)
	delivered(t, reader, 1000)
	require.NoError(t, os.RemoveAll(dir))
	delivered(t, reader, 1000)
	publisher.stop()
	require.NoError(t, inside.Flush(background(t)))
	account := reader.Settle(t)
	require.Equal(t, account.Published, account.Delivered)
	_, err := natsbus.Attach(background(t), server.Socket(), nil)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, dir)
	shut(t, attached)
	shut(t, inside)
	require.NoError(t, server.Stop(background(t)))
}
