package embed

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

const (
	// infoTimeout bounds the wait for the server's greeting on a connection in this process.
	infoTimeout = 5 * time.Second
	// maxInfo is how long that greeting may be, in bytes. It is some 500.
	maxInfo = 16 << 10
)

// InProcessConn returns a new connection to the server for the bus of this process, which authenticates on it with
// [Server.Secret]. The caller closes it; so does Stop. It returns an error when the server is stopping.
//
// To the server it looks like a connection that came in through the unix socket. What tells them apart is the ID that the
// server greets each connection with: those of these connections are noted before anything can be sent on them, and only
// they may use the secret.
func (s *Server) InProcessConn() (net.Conn, error) {
	conn, err := s.nats.InProcessConn()
	if err != nil {
		return nil, fmt.Errorf("embed: connect in process: %w", err)
	}
	id, greeting, err := readGreeting(conn)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("embed: connect in process: %w", err), conn.Close())
	}
	s.auth.trust(id)
	trusted := &trustedConn{greetedConn: greetedConn{Conn: conn, greeting: greeting}}
	trusted.forget = sync.OnceFunc(func() {
		s.auth.distrust(id)
		s.conns.remove(trusted)
	})
	if !s.conns.add(trusted) {
		return nil, errors.Join(errors.New("embed: connect in process: the server is stopped"), trusted.Close())
	}
	return trusted, nil
}

// readGreeting reads the line with which the server opens a connection, such as INFO {"client_id":5,…}.
func readGreeting(conn net.Conn) (id uint64, greeting []byte, err error) {
	if err := conn.SetReadDeadline(time.Now().Add(infoTimeout)); err != nil {
		return 0, nil, err
	}
	reader := bufio.NewReaderSize(conn, maxInfo)
	line, err := reader.ReadSlice('\n')
	if err != nil {
		return 0, nil, fmt.Errorf("read the greeting: %w", err)
	}
	var info struct {
		ID uint64 `json:"client_id"`
	}
	text, ok := bytes.CutPrefix(line, []byte("INFO "))
	if !ok {
		return 0, nil, fmt.Errorf("greeted with %.40q", line)
	}
	if err := json.Unmarshal(text, &info); err != nil {
		return 0, nil, fmt.Errorf("read the greeting: %w", err)
	}
	if info.ID == 0 {
		return 0, nil, errors.New("the greeting has no client_id")
	}
	// Whatever else has arrived belongs to the caller too.
	rest, err := reader.Peek(reader.Buffered())
	if err != nil {
		return 0, nil, err
	}
	return info.ID, append(bytes.Clone(line), rest...), conn.SetReadDeadline(time.Time{})
}

// greetedConn is a connection to the server whose greeting has been read ahead.
type greetedConn struct {
	net.Conn
	greeting []byte // what of it the caller has not read yet
}

// Read implements [net.Conn].
func (c *greetedConn) Read(p []byte) (int, error) {
	if len(c.greeting) > 0 {
		n := copy(p, c.greeting)
		c.greeting = c.greeting[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// trustedConn is a connection of the bus.
type trustedConn struct {
	greetedConn
	forget func()
}

// Close implements [net.Conn].
func (c *trustedConn) Close() error {
	c.forget()
	return c.Conn.Close()
}
