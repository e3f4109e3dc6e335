package screen

// What the tests look at without a terminal.
var (
	Difference = difference
	ParseKeys  = parseKeys
)
