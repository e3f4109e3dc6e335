package bench

// ParseStatus is parseStatus.
var ParseStatus = parseStatus
