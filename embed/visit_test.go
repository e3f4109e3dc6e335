package embed_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/daemoneye/eventbus/internal/rendezvous"
)

// helperVisit is the variable that makes the test binary a client of that socket, as another user.
const helperVisit = "EVENTBUS_TEST_VISIT_SOCKET"

// visitMain says, a word a line, what a user may do at a server that is somebody else's.
func visitMain(socket string) int {
	for name, path := range map[string]string{"token": rendezvous.TokenFile(socket), "credentials": filepath.Join(socket+".credentials", "observer.nk")} {
		if _, err := os.ReadFile(path); !errors.Is(err, os.ErrPermission) {
			fmt.Println("reads", name, err)
		}
	}
	dir := filepath.Dir(socket)
	if _, err := os.ReadDir(dir); err == nil {
		fmt.Println("lists", dir)
	}
	if os.WriteFile(filepath.Join(dir, "planted"), nil, 0o600) == nil || os.Remove(socket) == nil || os.Rename(socket, socket+".moved") == nil {
		fmt.Println("changes", dir)
	}
	for _, request := range []string{"SUB events.> 1", "SUB control.> 1", "PUB events.process.lifecycle 1\r\nx"} {
		fmt.Printf("%.3s %s\n", request, visit(socket, request))
	}
	fmt.Println("done")
	return 0
}

// visit returns what a server answers to a request of somebody who presents nothing.
func visit(socket, request string) string {
	conn, err := net.Dial("unix", socket)
	if errors.Is(err, os.ErrPermission) {
		return "no way"
	}
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err.Error()
	}
	lines := bufio.NewScanner(conn)
	// One after the other: the server looks for mappings of subjects when it reads, and a client that is not connected has none.
	for _, text := range []string{"CONNECT {\"verbose\":false}\r\nPING\r\n", request + "\r\nPING\r\n"} {
		if _, err := io.WriteString(conn, text); err != nil {
			return "refused"
		}
		if answer := answer(lines); answer != "allowed" {
			return answer
		}
	}
	return "allowed"
}

// answer reads until the server has said what it says to a request.
func answer(lines *bufio.Scanner) string {
	for lines.Scan() {
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "-ERR 'Permissions Violation"):
			return "forbidden"
		case line == "PONG":
			return "allowed"
		}
	}
	return "refused"
}
