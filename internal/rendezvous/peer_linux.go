package rendezvous

import "golang.org/x/sys/unix"

// PeerCredentialsSupported says whether [PeerCredentials] works on this operating system.
const PeerCredentialsSupported = true

func peerCredentials(fd int) (uid, pid int, err error) {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0, 0, err
	}
	return int(cred.Uid), int(cred.Pid), nil
}
