package main_test

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// The examples of this repository are configurations that can be used.
func TestConfigCheckOfTheExamples(t *testing.T) {
	examples := []string{"../collector/collector.example.toml", "../../testdata/config/example.toml"}
	shown, err := exec.Command("eventbus", append([]string{"config", "check"}, examples...)...).CombinedOutput()
	require.NoError(t, err, "%s", shown)
	require.Equal(t, examples[0]+": ok\n"+examples[1]+": ok\n", string(shown))
}
