package credentials

// The tests of the format of .pub files.
var (
	ParseLine  = parseLine
	FormatLine = formatLine
)

// LockDir lets the tests be another process that changes something.
var LockDir = lockDir
