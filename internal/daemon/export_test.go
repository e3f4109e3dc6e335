package daemon

// What the tests look at.
var (
	IsGoRun           = isGoRun
	DescribeEndpoints = describeEndpoints
	DescribeServers   = describeServers
)
