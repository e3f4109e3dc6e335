package daemon

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/rendezvous"
)

// Describe says where the bus can be met and by which command it is watched, in lines.
func Describe(b bus.Bus, config eventbus.Config) string {
	listener, ok := bus.As[eventbus.Listener](b)
	switch {
	case ok:
		return describeEndpoints(listener.Endpoints())
	case config.NATS.URL != "" && config.BusType != eventbus.Local:
		return describeServers(config.NATS.URL)
	}
	return "local bus: there is nothing to attach to; --print 'events.#' shows the events from inside\n"
}

func describeEndpoints(e eventbus.Endpoints) string {
	command := watchCommand()
	if standard, err := rendezvous.DefaultSocket(); err != nil || standard != e.Socket {
		command += " --socket " + QuoteArgument(e.Socket)
	}
	place := "listening on"
	if e.Attached {
		place = "attached to"
	}
	text := fmt.Sprintf("%s %s\nwatch it with: %s 'events.#'\n", place, e.Socket, command)
	if e.URL != "" {
		text += fmt.Sprintf("NATS clients: %s, with an nkey in %s\n", e.URL, e.Credentials)
	}
	return text
}

// describeServers shows no credentials: they may stand anywhere in front of the last @ of a URL.
func describeServers(list string) string {
	var shown []string
	secret := false
	for server := range strings.SplitSeq(list, ",") {
		server = strings.TrimSpace(server)
		if at := strings.LastIndexByte(server, '@'); at >= 0 {
			scheme, _, ok := strings.Cut(server[:at], "://")
			server, secret = server[at+1:], true
			if ok {
				server = scheme + "://" + server
			}
		}
		shown = append(shown, server)
	}
	servers := strings.Join(shown, ",")
	text := fmt.Sprintf("publishing to %s\nwatch it with: %s --url %s 'events.#'\n", servers, watchCommand(), QuoteArgument(servers))
	if secret {
		text += "(with the credentials of event_bus.nats.url put back into it)\n"
	}
	return text
}

// watchCommand returns how the operator's tool is called where this program runs: through the go command if this program is, by
// its name if the shell finds it, otherwise by its path beside this program.
func watchCommand() string {
	self, err := os.Executable()
	if err != nil {
		return "eventbus watch"
	}
	if source, err := os.Stat("cmd/eventbus"); err == nil && source.IsDir() && isGoRun(self) {
		return "go run ./cmd/eventbus watch"
	}
	if _, err := exec.LookPath("eventbus"); err == nil {
		return "eventbus watch"
	}
	if beside, err := exec.LookPath(filepath.Join(filepath.Dir(self), "eventbus")); err == nil {
		return QuoteArgument(beside) + " watch"
	}
	return "eventbus watch"
}

// isGoRun says whether a program was started by "go run", which builds it in a directory of that name or keeps it in its cache.
func isGoRun(executable string) bool {
	for element := range strings.SplitSeq(filepath.ToSlash(executable), "/") {
		if strings.HasPrefix(element, "go-build") {
			return true
		}
	}
	return false
}

// QuoteArgument quotes an argument for a shell if that is needed.
func QuoteArgument(argument string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(`/\._-:@%+=,`, r)
	}
	if argument != "" && !strings.ContainsFunc(argument, func(r rune) bool { return !plain(r) }) {
		return argument
	}
	return "'" + strings.ReplaceAll(argument, "'", `'\''`) + "'"
}
