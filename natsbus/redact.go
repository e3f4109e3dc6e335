package natsbus

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/daemoneye/eventbus/bus"
)

// checkURLs finds what nats.go would refuse to parse, and would repeat in its error, secrets and all.
func checkURLs(list string) error {
	n := 0
	for one := range strings.SplitSeq(list, ",") {
		n++
		one = strings.TrimSpace(one)
		if !strings.Contains(one, "://") {
			one = "nats://" + one
		}
		if u, err := url.Parse(one); err != nil || u.Hostname() == "" {
			return &bus.InvalidError{Field: "url", Value: redact(one), Reason: fmt.Sprintf("number %d of the list is not like nats://host:4222", n)}
		}
	}
	return nil
}

// redact takes the credentials out of a list of URLs, for errors and logs.
func redact(list string) string {
	var out []string
	for one := range strings.SplitSeq(list, ",") {
		one = strings.TrimSpace(one)
		// What is behind the last @ may be shown, and the scheme; a secret may stand anywhere else.
		if at := strings.LastIndexByte(one, '@'); at >= 0 {
			scheme, _, ok := strings.Cut(one[:at], "://")
			one = one[at+1:]
			if ok {
				one = scheme + "://" + one
			}
		}
		out = append(out, one)
	}
	return strings.Join(out, ",")
}
