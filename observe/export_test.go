package observe

// ErrorLog is what net/http and Prometheus log through.
var ErrorLog = errorLog
