package natsbus

import "strings"

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
