package collect

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Sizes and numbers of the kernel's socket diagnosis, see sock_diag(7).
const (
	diagRequestSize  = 56
	diagMessageSize  = 72
	diagByFamily     = 20 // SOCK_DIAG_BY_FAMILY
	diagInfo         = 2  // INET_DIAG_INFO
	diagTimeout      = 2 * time.Second
	diagMessageBytes = 64 << 10
)

// States of a TCP socket, as numbered by the kernel.
const (
	tcpTimeWait  = 6
	tcpCloseWait = 8
	tcpLastACK   = 9
	tcpListen    = 10
	tcpClosing   = 11
	tcpNewSYN    = 12
)

var (
	errDiagMessage = errors.New("malformed socket diagnosis")
	native         = binary.NativeEndian
)

// readSockets asks the kernel for its TCP connections. A family that it does not have has none.
func readSockets() (map[connectionKey]socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, fmt.Errorf("collect: socket diagnosis: %w", err)
	}
	defer unix.Close(fd)
	timeout := unix.NsecToTimeval(int64(diagTimeout))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		return nil, fmt.Errorf("collect: socket diagnosis: %w", err)
	}
	sockets := make(map[connectionKey]socket)
	buffer := make([]byte, diagMessageBytes)
	for _, family := range [...]uint8{unix.AF_INET, unix.AF_INET6} {
		if err := unix.Sendto(fd, diagRequest(family), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
			return sockets, fmt.Errorf("collect: socket diagnosis: %w", err)
		}
		for done := false; !done; {
			n, _, err := unix.Recvfrom(fd, buffer, 0)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if err != nil {
				return sockets, fmt.Errorf("collect: socket diagnosis: %w", err)
			}
			if done, err = parseSockets(buffer[:n], sockets); err != nil {
				return sockets, fmt.Errorf("collect: socket diagnosis: %w", err)
			}
		}
	}
	return sockets, nil
}

// diagRequest asks for all TCP sockets of a family that have counts.
func diagRequest(family uint8) []byte {
	request := make([]byte, unix.SizeofNlMsghdr+diagRequestSize)
	native.PutUint32(request, uint32(len(request)))
	native.PutUint16(request[4:], diagByFamily)
	native.PutUint16(request[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	body := request[unix.SizeofNlMsghdr:]
	body[0], body[1], body[2] = family, unix.IPPROTO_TCP, 1<<(diagInfo-1)
	native.PutUint32(body[4:], ^uint32(1<<tcpTimeWait|1<<tcpListen|1<<tcpNewSYN))
	return request
}

// parseSockets adds the sockets of a datagram, and reports whether it was the last one.
func parseSockets(datagram []byte, into map[connectionKey]socket) (done bool, err error) {
	for len(datagram) > 0 {
		if len(datagram) < unix.SizeofNlMsghdr {
			return false, errDiagMessage
		}
		size := int(native.Uint32(datagram))
		if size < unix.SizeofNlMsghdr || size > len(datagram) {
			return false, errDiagMessage
		}
		body := datagram[unix.SizeofNlMsghdr:size]
		switch native.Uint16(datagram[4:]) {
		case unix.NLMSG_DONE:
			return true, nil
		case unix.NLMSG_ERROR:
			if len(body) < 4 {
				return false, errDiagMessage
			}
			return false, unix.Errno(-int32(native.Uint32(body)))
		case diagByFamily:
			if err := parseSocket(body, into); err != nil {
				return false, err
			}
		}
		datagram = datagram[min(align4(size), len(datagram)):]
	}
	return false, nil
}

// parseSocket parses one socket: addresses, cookie, and attributes of which one holds the counts.
func parseSocket(body []byte, into map[connectionKey]socket) error {
	if len(body) < diagMessageSize {
		return errDiagMessage
	}
	state := body[1]
	key := connectionKey{protocol: "tcp", local: diagAddress(body[0], body[8:], body[4:]), remote: diagAddress(body[0], body[24:], body[6:])}
	found := socket{cookie: uint64(native.Uint32(body[44:])) | uint64(native.Uint32(body[48:]))<<32}
	for attributes := body[diagMessageSize:]; len(attributes) >= unix.SizeofNlAttr; {
		size := int(native.Uint16(attributes))
		if size < unix.SizeofNlAttr || size > len(attributes) {
			return errDiagMessage
		}
		if native.Uint16(attributes[2:]) == diagInfo {
			found.sent, found.received = tcpCounts(attributes[unix.SizeofNlAttr:size], state)
		}
		attributes = attributes[min(align4(size), len(attributes)):]
	}
	into[key] = found
	return nil
}

// tcpCounts returns the bytes that a connection has sent and received. Older kernels have a shorter structure.
func tcpCounts(info []byte, state uint8) (sent, received *uint64) {
	at := func(offset uintptr) *uint64 {
		if uintptr(len(info)) < offset+8 {
			return nil
		}
		return new(native.Uint64(info[offset:]))
	}
	received = at(unsafe.Offsetof(unix.TCPInfo{}.Bytes_received))
	// The kernel counts the end of the other side's stream as a byte.
	if received != nil && *received > 0 && (state == tcpCloseWait || state == tcpLastACK || state == tcpClosing) {
		*received--
	}
	// What was acknowledged would be the simpler count, but it has the beginning and the end of the stream in it.
	sent = at(unsafe.Offsetof(unix.TCPInfo{}.Bytes_sent))
	again := at(unsafe.Offsetof(unix.TCPInfo{}.Bytes_retrans))
	if sent == nil || again == nil {
		return nil, received
	}
	*sent -= min(*again, *sent)
	return sent, received
}

// diagAddress reads an address and a port, both in network order.
func diagAddress(family uint8, ip, port []byte) netip.AddrPort {
	address := netip.AddrFrom16([16]byte(ip[:16])).Unmap()
	if family == unix.AF_INET {
		address = netip.AddrFrom4([4]byte(ip[:4]))
	}
	return netip.AddrPortFrom(address, binary.BigEndian.Uint16(port))
}

// align4 rounds up to the alignment of netlink.
func align4(n int) int { return (n + 3) &^ 3 }
