package rendezvous

// MaxSocketPath is the length of the longest name of a unix socket, in bytes: sun_path less its final zero.
const MaxSocketPath = 107
