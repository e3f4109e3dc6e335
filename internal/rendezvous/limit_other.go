//go:build !linux && !windows

package rendezvous

// MaxSocketPath is the length of the longest name of a unix socket, in bytes: sun_path of macOS and the BSDs less its final
// zero.
const MaxSocketPath = 103
