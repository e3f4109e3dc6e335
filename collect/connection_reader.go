package collect

import (
	"context"
	"net/netip"
	"strings"
	"syscall"

	gopsutilnet "github.com/shirou/gopsutil/v4/net"
)

// connectionReader reads the sockets of this host by gopsutil, and adds what only the kernel's socket diagnosis knows.
type connectionReader struct {
	out      *outlet
	unknowns occasionally
}

func (r *connectionReader) read(ctx context.Context) ([]connection, error) {
	// The variant with the users' ids would read another file for each connection; nobody asks for them.
	stats, err := gopsutilnet.ConnectionsWithoutUidsWithContext(ctx, "inet")
	if err != nil {
		return nil, err
	}
	// After the list, so that the counts of a connection are not older than its state.
	sockets, err := readSockets()
	if err != nil {
		if suppressed, ok := r.unknowns.now(); ok {
			r.out.logger.WarnContext(ctx, "no byte counts of connections", "error", err, "suppressed", suppressed)
		}
	}
	list := make([]connection, 0, len(stats))
	for _, stat := range stats {
		c := connectionOf(stat)
		if socket, ok := sockets[c.connectionKey]; ok {
			c.cookie, c.sent, c.received = socket.cookie, socket.sent, socket.received
		}
		list = append(list, c)
	}
	return list, nil
}

// connectionOf takes what gopsutil says, without the values that it makes up for what it does not know.
func connectionOf(stat gopsutilnet.ConnectionStat) connection {
	c := connection{
		connectionKey: connectionKey{protocol: "tcp", local: address(stat.Family, stat.Laddr), remote: address(stat.Family, stat.Raddr)},
		state:         strings.ToLower(stat.Status),
	}
	if stat.Type == syscall.SOCK_DGRAM {
		c.protocol = "udp"
	}
	if c.state == "none" {
		c.state = ""
	}
	if c.remote.Port() == 0 {
		c.remote = netip.AddrPort{} // a listener
	}
	if stat.Pid > 0 {
		c.pid = new(uint32(stat.Pid))
	}
	return c
}

// address converts an address. Some systems write "*" for any.
func address(family uint32, a gopsutilnet.Addr) netip.AddrPort {
	ip, err := netip.ParseAddr(a.IP)
	switch {
	case err == nil:
	case family == syscall.AF_INET6:
		ip = netip.IPv6Unspecified()
	default:
		ip = netip.IPv4Unspecified()
	}
	return netip.AddrPortFrom(ip.Unmap(), uint16(a.Port))
}

// socket is what the kernel's socket diagnosis says about a TCP connection.
type socket struct {
	cookie         uint64
	sent, received *uint64 // bytes
}
