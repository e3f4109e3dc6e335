package natsprocess

import (
	"strings"
	"testing"
)

// Hub is a server that two hosts, a and b, may join as leaf nodes: what testdata/nats/hub.conf says.
type Hub struct {
	*Server
	CAFile string            // of the leaf node listener
	Seeds  map[string]string // files, by host
}

// StartHub starts a hub with that configuration file.
func StartHub(t testing.TB, config string) *Hub {
	t.Helper()
	authority := NewAuthority(t)
	certificate, key := authority.Server(t)
	seedA, publicA := NewSeed(t)
	seedB, publicB := NewSeed(t)
	return &Hub{
		Server: StartConfig(t, config, LeafPort+"=-1", "HUB_CERT="+quoted(certificate), "HUB_KEY="+quoted(key),
			"HOST_A="+publicA, "HOST_B="+publicB, "WATCHER=watching", "OPERATOR=operating"),
		CAFile: authority.File,
		Seeds:  map[string]string{"a": seedA, "b": seedB},
	}
}

// quoted is a text as a configuration file has it.
func quoted(text string) string { return `"` + text + `"` }

// Watcher returns the URL of who may read everything.
func (h *Hub) Watcher() string { return h.as("watcher:watching") }

// Operator returns the URL of who may give orders, and read everything.
func (h *Hub) Operator() string { return h.as("operator:operating") }

func (h *Hub) as(user string) string { return strings.Replace(h.URL, "://", "://"+user+"@", 1) }

// LeafURL returns the address of the listener that hosts join.
func (h *Hub) LeafURL() string { return "tls://" + h.Leaf }

// Restart starts the hub again on its ports, after it was killed.
func (h *Hub) Restart(t testing.TB) {
	t.Helper()
	h.Server = h.Server.Restart(t)
}
