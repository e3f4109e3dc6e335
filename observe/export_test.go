package observe

// ErrorLog is what net/http and Prometheus log through.
var ErrorLog = errorLog

// NewLimited returns a listener that has so many connections at a time.
var NewLimited = newLimited

// Busiest returns the topics with most events.
var Busiest = busiest
