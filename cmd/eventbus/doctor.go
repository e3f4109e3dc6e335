package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/daemoneye/eventbus/internal/daemon"
	"github.com/daemoneye/eventbus/internal/report"
	"github.com/daemoneye/eventbus/internal/show"
)

// doctorCommand is the command line of doctor.
type doctorCommand struct {
	Config  string         `type:"path" placeholder:"FILE" help:"Also check that configuration (TOML), and look where it says."`
	Wait    time.Duration  `default:"1s" placeholder:"DURATION" help:"How long answers may take (${default})."`
	Verbose bool           `short:"v" help:"Also say what was checked and is well, and what could not be checked."`
	Output  show.Format    `short:"o" enum:"text,json" default:"text" help:"text is sentences for a person, json one object."`
	Color   show.ColorMode `enum:"auto,always,never" default:"auto" help:"Color text: auto, always or never. auto is on a terminal, unless NO_COLOR is set."`
	attachFlags
}

// Help is shown below the flags of doctor.
func (*doctorCommand) Help() string {
	return `Looks for what is wrong with this installation and says it in sentences, each with what to do about it: directories, files and their modes,
the socket and who serves there, the configuration and the environment (EVENTBUS_...), certificates, the hub; whether the programs on the
bus answer, and what they have dropped, lost, refused and missed. It changes nothing.

A collector must be running. Counters are those since each program was started; it asks twice, to tell what goes on from what is over.

Examples:

    eventbus doctor
    eventbus doctor --config collector.toml --verbose
    eventbus doctor -o json | jq -r '.findings[].check'

Exit codes: 0 healthy, 1 something was found, or another error, 2 usage, 130 interrupted, 143 terminated.`
}

// Validate checks what can be checked before there is a connection.
func (c *doctorCommand) Validate() error {
	if err := checkWait(c.Wait); err != nil {
		return err
	}
	return c.attachFlags.Validate()
}

// finding is something that is wrong.
type finding struct {
	Check   string `json:"check"`
	Problem string `json:"problem"`
	Remedy  string `json:"remedy"`
}

// found returns a finding in a list. The problem may repeat what files and programs say.
func found(remedy, format string, values ...any) []finding {
	return []finding{{Problem: fmt.Sprintf(format, values...), Remedy: remedy}}
}

// check looks for one thing that can be wrong. It returns what it has found; skipped is why it could not look.
type check struct {
	name string
	run  func(ctx context.Context, e *examination) (findings []finding, skipped string)
}

// checks are all of them, in an order in which each may use what those before it have learnt.
var checks = []check{
	{"configuration", checkConfiguration},
	{"deprecated-keys", checkDeprecated},
	{"socket-path", checkSocketPath},
	{"runtime-directory", checkRuntimeDirectory},
	{"socket", checkSocket},
	{"server", checkServer},
	{"token", checkToken},
	{"listener", checkListener},
	{"proxy", checkProxy},
	{"listen-address", checkListenAddress},
	{"credentials-directory", checkCredentialsDirectory},
	{"credentials", checkCredentials},
	{"listener-credentials", checkListenerCredentials},
	{"file-limit", checkFileLimit},
	{"attach", checkAttach},
	{"answers", checkAnswers},
	{"identities", checkIdentities},
	{"running-configuration", checkRunning},
	{"certificate", checkCertificate},
	{"certificate-authorities", checkAuthorities},
	{"hub", checkHub},
	{"health", checkHealth},
	{"version", checkVersions},
	{"clock", checkClocks},
	{"heartbeats", checkHeartbeats},
	{"drops", checkDrops},
	{"losses", checkLosses},
	{"slow-subscribers", checkSlowSubscribers},
	{"slow-clients", checkSlowClients},
	{"refused", checkRefused},
	{"throughput", checkThroughput},
	{"collectors", checkCollectors},
}

// examination is what checks look at, and what they have learnt.
type examination struct {
	*doctorCommand
	streams *streams
	learnt
}

// diagnosis is what is said in the end.
type diagnosis struct {
	Healthy  bool      `json:"healthy"`
	Findings []finding `json:"findings"`
	Checks   []outcome `json:"checks"`
}

// outcome is what has become of a check.
type outcome struct {
	Check   string `json:"check"`
	Result  string `json:"result"` // well, found, skipped
	Skipped string `json:"skipped,omitempty"`
}

// Run looks at everything.
func (c *doctorCommand) Run(ctx context.Context, s *streams) error {
	e := &examination{doctorCommand: c, streams: s}
	defer e.end(ctx)
	d := diagnosis{Findings: []finding{}}
	for _, check := range checks {
		findings, skipped := check.run(ctx, e)
		if ctx.Err() != nil {
			return ended(ctx, ctx.Err(), "while looking")
		}
		result := outcome{Check: check.name, Result: "well", Skipped: skipped}
		switch {
		case len(findings) > 0:
			result.Result = "found"
		case skipped != "":
			result.Result = "skipped"
		}
		d.Checks = append(d.Checks, result)
		for _, one := range findings {
			one.Check = check.name
			d.Findings = append(d.Findings, one)
		}
	}
	d.Healthy = len(d.Findings) == 0
	if err := c.print(s, d); err != nil && !daemon.IsClosedPipe(err) {
		return err
	}
	if !d.Healthy {
		return &codedError{code: exitError}
	}
	return nil
}

func (c *doctorCommand) print(s *streams, d diagnosis) error {
	if c.Output == show.JSON {
		return show.WriteJSON(s.stdout, d)
	}
	var lines []report.Line
	if c.Verbose {
		lines = describeChecks(d.Checks)
	}
	for _, one := range d.Findings {
		lines = append(lines, report.Line{{Text: one.Check + ": ", Style: report.Strong}, {Text: sentence(one.Problem), Style: report.Bad}})
		lines = append(lines, report.Line{{Text: "    " + sentence(one.Remedy)}})
	}
	looked := 0
	for _, one := range d.Checks {
		if one.Result != "skipped" {
			looked++
		}
	}
	switch {
	case d.Healthy && looked < len(d.Checks):
		lines = append(lines, report.Line{{Text: fmt.Sprintf("Healthy: %d checks found nothing, and %d did not apply.", looked, len(d.Checks)-looked)}})
	case d.Healthy:
		lines = append(lines, report.Line{{Text: fmt.Sprintf("Healthy: %d checks found nothing.", looked)}})
	case len(d.Findings) == 1:
		lines = append(lines, report.Line{{Text: fmt.Sprintf("1 problem in %d checks.", looked)}})
	default:
		lines = append(lines, report.Line{{Text: fmt.Sprintf("%d problems in %d checks.", len(d.Findings), looked)}})
	}
	_, err := io.WriteString(s.stdout, report.Render(lines, show.UseColor(c.Color, s.stdout, s.getenv)))
	return err
}

func describeChecks(all []outcome) []report.Line {
	var lines []report.Line
	for _, one := range all {
		line := report.Line{{Text: one.Check + ": ", Style: report.Strong}, {Text: one.Result}}
		if one.Result == "skipped" {
			line = append(line, report.Span{Text: ": " + show.Escape(one.Skipped), Style: report.Faint})
		}
		lines = append(lines, line)
	}
	return append(lines, nil)
}

// sentence returns a text as a line that ends as a sentence does.
func sentence(text string) string {
	text = show.Escape(strings.ReplaceAll(text, "\n", "; "))
	if strings.HasSuffix(text, ".") || strings.HasSuffix(text, "?") {
		return text
	}
	return text + "."
}
