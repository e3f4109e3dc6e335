package credentials_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/internal/credentials"
)

func TestDirBelowHome(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	for _, state := range []string{"", "relative/is/ignored"} {
		t.Setenv("XDG_STATE_HOME", state)
		dir, err := credentials.Dir("")
		require.NoError(t, err)
		require.Equal(t, filepath.Join(home, ".local", "state", "eventbus", "credentials"), dir)
	}
	for _, home := range []string{"", "relative"} {
		t.Setenv("HOME", home)
		_, err := credentials.Dir("")
		require.ErrorContains(t, err, "HOME")
	}
}
