package natsprocess

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Cluster is three servers that buses use together: what testdata/nats/node.conf says.
type Cluster struct {
	Nodes               []*Server
	CAFile              string
	Collector, Observer string // files of seeds, of who may publish and who may subscribe to events
}

// StartCluster starts a cluster with that configuration file for each of its nodes, and returns when they know each other.
func StartCluster(t testing.TB, config string) *Cluster {
	t.Helper()
	authority := NewAuthority(t)
	certificate, key := authority.Server(t)
	c := &Cluster{CAFile: authority.File}
	var collector, observer string
	c.Collector, collector = NewSeed(t)
	c.Observer, observer = NewSeed(t)
	routes := "[]"
	for i := range 3 {
		node := StartConfig(t, config, fmt.Sprintf("NODE=node%d", i+1), ClusterPort+"=-1", "ROUTES="+routes,
			"NODE_CERT="+quoted(certificate), "NODE_KEY="+quoted(key), "COLLECTOR="+collector, "OBSERVER="+observer)
		if i == 0 {
			routes = "[" + quoted("nats://"+node.Cluster) + "]"
		}
		c.Nodes = append(c.Nodes, node)
	}
	for _, node := range c.Nodes {
		require.Eventually(t, func() bool { return node.Routes(t) == len(c.Nodes)-1 }, patience, 5*time.Millisecond)
	}
	return c
}

// URL returns the addresses of all nodes.
func (c *Cluster) URL(t testing.TB) string {
	t.Helper()
	var urls []string
	for _, node := range c.Nodes {
		urls = append(urls, "tls://"+node.Address(t))
	}
	return strings.Join(urls, ",")
}

// Of returns the node that a client is connected to, by a part of the name of its connection.
func (c *Cluster) Of(t testing.TB, name string) *Server {
	t.Helper()
	for _, node := range c.Nodes {
		for _, client := range node.Clients(t) {
			if strings.Contains(client, name) {
				return node
			}
		}
	}
	require.Fail(t, "is not connected", "%s", name)
	return nil
}
