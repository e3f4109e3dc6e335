// Package natsurl reads lists of NATS server URLs as configuration and flags have them: one or several, separated by commas,
// possibly with credentials.
//
// # Errors
//
// No result and no error of this package holds any part of the credentials. nats.go quotes a URL that it cannot parse, so a
// list is read here first.
package natsurl

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Servers checks a list and returns it for people to see: scheme and host of each server, separated by commas. As in nats.go, a
// missing scheme is nats. The error says which element is wrong, but repeats nothing of it: in what cannot be parsed a
// secret may stand anywhere.
func Servers(list string) (string, error) {
	_, shown, err := Parse(list)
	return shown, err
}

// Parse is Servers for who connects without nats.go: it also returns the URLs, with their credentials.
func Parse(list string) (urls []*url.URL, text string, err error) {
	var shown []string
	for one := range strings.SplitSeq(list, ",") {
		one = strings.TrimSpace(one)
		if !strings.Contains(one, "://") {
			one = "nats://" + one
		}
		u, err := url.Parse(one)
		if err != nil || u.Hostname() == "" || !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme) {
			return nil, "", fmt.Errorf("server %d of the list is not a nats://, tls://, ws:// or wss:// URL with a host", len(shown)+1)
		}
		urls = append(urls, u)
		shown = append(shown, u.Scheme+"://"+u.Host)
	}
	return urls, strings.Join(shown, ","), nil
}
