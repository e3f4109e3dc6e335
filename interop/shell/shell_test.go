//go:build linux

package shell_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/internal/pseudoterminal"
)

// patience bounds each shell.
const patience = 30 * time.Second

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var missing []string
	for _, name := range []string{"zsh", "fish", "mandoc", "groff"} {
		if _, err := exec.LookPath(name); err != nil {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		fmt.Fprintf(os.Stderr, "shell: install %s first, on Debian with: apt-get install zsh fish mandoc groff-base\n", strings.Join(missing, ", "))
		return 1
	}
	bin, err := os.MkdirTemp("", "shell")
	if err != nil {
		fmt.Fprintf(os.Stderr, "shell: %v\n", err)
		return 1
	}
	defer os.RemoveAll(bin)
	build := exec.Command("go", "build", "-o", bin+"/", "./cmd/eventbus")
	build.Dir = "../.."
	out, err := build.CombinedOutput()
	if err == nil {
		err = os.Setenv("PATH", bin+":"+os.Getenv("PATH")) // the shells find the program, too
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "shell: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// in returns a command in a directory with a file and a directory, where nothing is configured.
func in(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "some.toml"), nil, 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "somewhere"), 0o700))
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "XDG_RUNTIME_DIR=" + dir, "TERM=vt100", "LC_ALL=C.UTF-8"}
	return cmd
}

func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	require.NoError(t, err, "%s%s", out, said.String())
	require.Empty(t, said.String())
	return string(out)
}

// What fish would offer, and what it says of it.
func TestFish(t *testing.T) {
	for line, want := range map[string]string{
		"eventbus wat":                      "watch\tPrint the events of the running collector as they come.\n",
		"eventbus creds r":                  "revoke\tRemove a credential.\nrotate\tGive a credential a new key; the old one is worth nothing from then on.\n",
		"eventbus watch --typ":              "--type\tOnly events of that type, such as process; may be repeated, or a list with commas.\n",
		"eventbus watch --type netw":        "network\tevents.network.connections\n",
		"eventbus watch --type=netw":        "--type=network\tevents.network.connections\n",
		"eventbus watch --min-priority ":    "critical\nhigh\nlow\nnormal\n",
		"eventbus serve --log-format ":      "json\ntext\n",
		"eventbus watch 'events.process.tr": "events.process.tree\trestricted\n",
		"eventbus config check some.":       "some.toml\n",
		"eventbus man --dir some":           "somewhere/\tDirectory\n",
		"eventbus no-such ":                 "",
	} {
		got := output(t, in(t, "fish", "--no-config", "-c", `eventbus completion fish | source; complete -C "$argv[1]"`, line))
		require.ElementsMatch(t, strings.Split(want, "\n"), strings.Split(got, "\n"), line)
	}
}

// Somebody types at zsh, and presses the tabulator. What the line is then is what counts.
func TestZsh(t *testing.T) {
	// ^T writes down the line and clears it.
	const setup = `autoload -Uz compinit && compinit -D -u
source <(eventbus completion zsh)
note() { print -r -- "$BUFFER" >>lines; BUFFER= }
zle -N note && bindkey '^T' note
PS1='ready> '
`
	tries := []struct{ typed, line string }{
		{"eventbus wat", "eventbus watch "},
		{"eventbus creds ro", "eventbus creds rotate "},
		{"eventbus watch --typ", "eventbus watch --type "},
		{"eventbus watch --type netw", "eventbus watch --type network "},
		{"eventbus watch --type=netw", "eventbus watch --type=network "},
		{"eventbus watch --min-priority ", "eventbus watch --min-priority "},
		{"eventbus watch --min-priority h", "eventbus watch --min-priority high "},
		{"eventbus watch 'events.process.tr", "eventbus watch 'events.process.tree' "},
		{"eventbus watch events.x --not events.process.tr", "eventbus watch events.x --not events.process.tree "},
		{"eventbus config check some.", "eventbus config check some.toml "},
		{"eventbus man --dir some", "eventbus man --dir somewhere/"},
		{"eventbus no-such ", "eventbus no-such "},
	}
	user, terminal := pseudoterminal.Open(t, 24, 100)
	cmd := in(t, "zsh", "-f", "-i")
	require.NoError(t, os.WriteFile(filepath.Join(cmd.Dir, "setup"), []byte(setup), 0o600))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	require.NoError(t, cmd.Start())
	timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()

	_, err := user.WriteString("source ./setup\n")
	require.NoError(t, err)
	screen, seen := bufio.NewReader(user), ""
	for !strings.HasSuffix(seen, "ready> ") { // until then the terminal takes keys for its own
		char, err := screen.ReadByte()
		require.NoError(t, err, seen)
		seen += string(char)
	}
	rest := make(chan string)
	go func() {
		var text strings.Builder
		_, _ = screen.WriteTo(&text) // it fails when the shell has closed the terminal
		rest <- text.String()
	}()
	var want strings.Builder
	for _, try := range tries {
		_, err := user.WriteString(try.typed + "\t\x14")
		require.NoError(t, err)
		want.WriteString(try.line + "\n")
	}
	_, err = user.WriteString("exit\n")
	require.NoError(t, err)
	require.NoError(t, terminal.Close())
	_ = cmd.Wait() // its code is that of the command before
	seen = <-rest
	got, err := os.ReadFile(filepath.Join(cmd.Dir, "lines"))
	require.NoError(t, err, seen)
	require.Equal(t, want.String(), string(got), seen)
	require.Contains(t, seen, "critical", "what is not decided is listed")
}

// Whoever reads manual pages finds nothing to complain of.
func TestManualPages(t *testing.T) {
	pages := t.TempDir()
	output(t, in(t, "eventbus", "man", "--dir", pages))
	all, err := filepath.Glob(filepath.Join(pages, "*.1"))
	require.NoError(t, err)
	require.Greater(t, len(all), 15)
	require.Empty(t, output(t, in(t, "mandoc", append([]string{"-T", "lint", "-W", "warning"}, all...)...)))
	for _, page := range all {
		require.Empty(t, output(t, in(t, "groff", "-man", "-ww", "-z", page)))
	}
	require.Contains(t, output(t, in(t, "mandoc", "-T", "utf8", filepath.Join(pages, "eventbus-watch.1"))), "--min-priority")
}
