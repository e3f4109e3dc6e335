package embed

// MayEnter is mayEnter: a test cannot be several users.
func MayEnter(uid, server int) bool { return mayEnter(uid, server) }
