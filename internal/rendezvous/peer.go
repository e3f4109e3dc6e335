package rendezvous

import "net"

// PeerCredentials returns the effective user and the process at the other end of a unix connection, as the kernel recorded
// them: of a client when it dialled, of a server when it began to listen. The pid is 0 if only the user is known. It
// returns false if conn is no unix connection or the operating system does not tell (see [PeerCredentialsSupported]).
func PeerCredentials(conn net.Conn) (uid, pid int, ok bool) {
	unixConn, isUnix := conn.(*net.UnixConn)
	if !isUnix {
		return 0, 0, false
	}
	raw, err := unixConn.SyscallConn()
	if err != nil {
		return 0, 0, false
	}
	var optionErr error
	err = raw.Control(func(fd uintptr) { uid, pid, optionErr = peerCredentials(int(fd)) })
	if err != nil || optionErr != nil {
		return 0, 0, false
	}
	return uid, pid, true
}
