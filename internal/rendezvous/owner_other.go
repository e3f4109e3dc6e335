//go:build !unix

package rendezvous

// Owner returns the user to whom a file belongs, ok if that can be told.
func Owner(string) (uid int, ok bool) { return 0, false }
