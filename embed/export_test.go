package embed

import "github.com/nats-io/nats-server/v2/server"

// UserRole returns the role that a user of the socket of a server with these options has: a test cannot be several users.
func UserRole(options *Options, uid int) (string, error) {
	settings, err := options.check()
	if err != nil {
		return "", err
	}
	if role := settings.userRole(uid); role != nil {
		return role.Name, nil
	}
	return "", nil
}

// NATSOptions returns what a server with these options tells the NATS server.
func NATSOptions(options *Options) (*server.Options, error) {
	settings, err := options.check()
	if err != nil {
		return nil, err
	}
	return (&Server{settings: settings, auth: newAuthenticator(settings)}).natsOptions(), nil
}

// HostSegment makes a segment of the name of a host.
var HostSegment = hostSegment
