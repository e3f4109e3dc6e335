package main

import (
	"fmt"
	"strings"
)

// roff is a manual page in the making, in the macros that every man(1) knows.
type roff struct {
	strings.Builder
	atEnd []string // the paragraphs that come last
	exit  string
	// begun is whether a section has something in it: before the first paragraph there is none to end.
	begun bool
}

// escapeRoff makes text of text: hyphens and quotes stay what they are, so that examples can be copied, and nothing is a request.
func escapeRoff(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\\':
			b.WriteString(`\e`)
		case r == '-':
			b.WriteString(`\-`)
		case r == '\'':
			b.WriteString(`\(aq`)
		case r == '`':
			b.WriteString(`\(ga`)
		case r == '^':
			b.WriteString(`\(ha`)
		case r == '~':
			b.WriteString(`\(ti`)
		case r > '~':
			fmt.Fprintf(&b, `\[u%04X]`, r)
		default:
			b.WriteRune(r)
		}
	}
	escaped := b.String()
	if strings.HasPrefix(escaped, ".") {
		escaped = `\&` + escaped
	}
	return escaped
}

// request writes a request with quoted arguments.
func (r *roff) request(name string, arguments ...string) {
	r.WriteString("." + name)
	for _, argument := range arguments {
		r.WriteString(` "` + strings.ReplaceAll(escapeRoff(argument), `"`, `\(dq`) + `"`)
	}
	r.WriteByte('\n')
}

// line writes a line of text.
func (r *roff) line(text string) { r.WriteString(escapeRoff(text) + "\n") }

func (r *roff) title(name, date, version string) {
	// The date is read by machines, to which an escape is none of its hyphens.
	fmt.Fprintf(r, ".TH \"%s\" \"1\" \"%s\" \"%s\" \"User Commands\"\n", escapeRoff(strings.ToUpper(name)), date, escapeRoff(version))
	// No hyphenation, and no stretched spaces: words may be commands.
	r.WriteString(".nh\n.ad l\n")
}

func (r *roff) section(name string) {
	r.request("SH", name)
	r.begun = false
}

func (r *roff) subsection(name string) { r.request("SS", name) }

// begin ends the paragraph before.
func (r *roff) begin() {
	if r.begun {
		r.WriteString(".PP\n")
	}
	r.begun = true
}

func (r *roff) paragraph(text string) {
	r.begin()
	for line := range strings.Lines(text) {
		r.line(strings.TrimSpace(line))
	}
}

func (r *roff) synopsis(command, rest string) {
	r.request("B", command)
	r.line(strings.TrimSpace(rest))
}

// item writes what a flag, an argument or a command is.
func (r *roff) item(name, help string) {
	r.WriteString(".TP\n")
	r.request("B", name)
	r.line(help)
}

// text writes paragraphs, and keeps the examples and the exit codes for the end. Lines with four spaces in front stand as they are.
func (r *roff) text(detail string) {
	examples := false
	for paragraph := range strings.SplitSeq(detail, "\n\n") {
		if codes, ok := strings.CutPrefix(paragraph, "Exit codes: "); ok {
			r.exit = codes
			continue
		}
		if example, ok := strings.CutPrefix(paragraph, "Example: "); ok {
			r.atEnd = append(r.atEnd, "    "+example)
			continue
		}
		if paragraph == "Examples:" {
			examples = true
			continue
		}
		isVerbatim := strings.HasPrefix(paragraph, "    ")
		switch {
		case isVerbatim && examples:
			r.atEnd = append(r.atEnd, paragraph)
		case isVerbatim:
			r.verbatim(paragraph)
		default:
			r.paragraph(paragraph)
		}
		examples = examples && isVerbatim
	}
}

func (r *roff) verbatim(paragraph string) {
	r.begin()
	r.WriteString(".RS 4\n.nf\n")
	for line := range strings.Lines(paragraph) {
		r.line(strings.TrimPrefix(strings.TrimSuffix(line, "\n"), "    "))
	}
	r.WriteString(".fi\n.RE\n")
}

// references writes the names of other pages.
func (r *roff) references(names []string) {
	for i, name := range names {
		end := ","
		if i == len(names)-1 {
			end = ""
		}
		r.WriteString(".BR " + escapeRoff(name) + " (1)" + end + "\n")
	}
}

// finish writes what was kept.
func (r *roff) finish() {
	if r.exit != "" {
		r.section("EXIT STATUS")
		r.paragraph(r.exit)
	}
	if len(r.atEnd) > 0 {
		r.section("EXAMPLES")
		for _, paragraph := range r.atEnd {
			r.verbatim(paragraph)
		}
	}
}
