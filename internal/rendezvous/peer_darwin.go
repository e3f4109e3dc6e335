package rendezvous

import "golang.org/x/sys/unix"

// PeerCredentialsSupported says whether [PeerCredentials] works on this operating system.
const PeerCredentialsSupported = true

func peerCredentials(fd int) (uid, pid int, err error) {
	cred, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return 0, 0, err
	}
	// The user is what counts; without the process the answer is still one.
	pid, err = unix.GetsockoptInt(fd, unix.SOL_LOCAL, unix.LOCAL_PEERPID)
	if err != nil {
		pid = 0
	}
	return int(cred.Uid), pid, nil
}
