package embed

import "github.com/nats-io/nats-server/v2/server"

// MayEnter is mayEnter: a test cannot be several users.
func MayEnter(uid, server int) bool { return mayEnter(uid, server) }

// NATSOptions returns what a server with these options tells the NATS server.
func NATSOptions(options *Options) (*server.Options, error) {
	settings, err := options.check()
	if err != nil {
		return nil, err
	}
	return (&Server{settings: settings, auth: newAuthenticator()}).natsOptions(), nil
}
