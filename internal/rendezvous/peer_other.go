//go:build !linux && !darwin

package rendezvous

import "errors"

// PeerCredentialsSupported says whether [PeerCredentials] works on this operating system.
const PeerCredentialsSupported = false

func peerCredentials(int) (uid, pid int, err error) { return 0, 0, errors.ErrUnsupported }
