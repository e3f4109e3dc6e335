package bench

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
)

// The plot is bars, grouped by how many subscribe or who publishes. Its colours can be told apart on white and on black, and
// without seeing colours each bar has its name.

// Measures of the plot, in pixels.
const (
	plotWidth   = 900
	labelWidth  = 210
	valueWidth  = 90
	barHeight   = 16
	barGap      = 4
	groupHeader = 24
	chartHeader = 44
	chartGap    = 16
)

// palette gives each system its colour, in the order of their appearance.
var palette = [...]string{"#4e79a7", "#f28e2b", "#59a14f", "#b07aa1", "#e15759", "#76b7b2", "#9c755f", "#edc948", "#8f8f8f", "#d37295"}

// bar is a number in a chart.
type bar struct {
	system string
	value  float64
}

// chart is a title and its groups of bars.
type chart struct {
	title  string
	names  []string // of the groups, in order
	groups map[string][]bar
}

// charts collects what is plotted.
func (r *Report) charts() []*chart {
	var out []*chart
	for _, c := range r.Cells {
		if c.chart == "" {
			continue
		}
		i := slices.IndexFunc(out, func(o *chart) bool { return o.title == c.chart })
		if i < 0 {
			i = len(out)
			out = append(out, &chart{title: c.chart, groups: make(map[string][]bar)})
		}
		out[i].add(c.group, bar{c.subject, c.Subject.Median})
		if c.compared {
			out[i].add(c.group, bar{c.base, c.Base.Median})
		}
	}
	return out
}

// add adds a bar, unless that system is in the group already.
func (c *chart) add(group string, b bar) {
	if math.IsNaN(b.value) {
		return
	}
	if !slices.Contains(c.names, group) {
		c.names = append(c.names, group)
	}
	if !slices.ContainsFunc(c.groups[group], func(o bar) bool { return o.system == b.system }) {
		c.groups[group] = append(c.groups[group], b)
	}
}

// most returns the largest value.
func (c *chart) most() float64 {
	most := 0.0
	for _, bars := range c.groups {
		for _, b := range bars {
			most = max(most, b.value)
		}
	}
	return most
}

// WritePlot writes the throughputs as an SVG image.
func (r *Report) WritePlot(w io.Writer) error {
	d := &drawing{}
	charts := r.charts()
	if len(charts) == 0 {
		d.text(labelWidth, chartHeader, "start", "title", "None of the rows that were measured is plotted.")
		d.y = chartHeader + chartGap
	}
	for _, c := range charts {
		d.chart(c)
	}
	style := "svg{background:#fff}text{font-family:sans-serif;font-size:12px;fill:#222}.title{font-size:16px;font-weight:bold}.group{font-weight:bold}" +
		"@media(prefers-color-scheme:dark){svg{background:#16181d}text{fill:#ddd}}"
	image := svg{
		Namespace: "http://www.w3.org/2000/svg", ViewBox: fmt.Sprintf("0 0 %d %d", plotWidth, d.y), Width: plotWidth, Height: d.y, Style: style,
		Shapes: d.shapes,
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", " ")
	if err := encoder.Encode(image); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// svg is the image.
type svg struct {
	XMLName   xml.Name `xml:"svg"`
	Namespace string   `xml:"xmlns,attr"`
	ViewBox   string   `xml:"viewBox,attr"`
	Width     int      `xml:"width,attr"`
	Height    int      `xml:"height,attr"`
	Style     string   `xml:"style"`
	Shapes    []any
}

type rectangle struct {
	XMLName xml.Name `xml:"rect"`
	X       int      `xml:"x,attr"`
	Y       int      `xml:"y,attr"`
	Width   int      `xml:"width,attr"`
	Height  int      `xml:"height,attr"`
	Fill    string   `xml:"fill,attr"`
}

type label struct {
	XMLName xml.Name `xml:"text"`
	X       int      `xml:"x,attr"`
	Y       int      `xml:"y,attr"`
	Anchor  string   `xml:"text-anchor,attr"`
	Class   string   `xml:"class,attr,omitempty"`
	Text    string   `xml:",chardata"`
}

// drawing grows downwards.
type drawing struct {
	shapes  []any
	y       int
	systems []string // that have a colour
}

func (d *drawing) text(x, y int, anchor, class, text string) {
	d.shapes = append(d.shapes, label{X: x, Y: y, Anchor: anchor, Class: class, Text: text})
}

func (d *drawing) colour(system string) string {
	i := slices.Index(d.systems, system)
	if i < 0 {
		i = len(d.systems)
		d.systems = append(d.systems, system)
	}
	return palette[i%len(palette)]
}

func (d *drawing) chart(c *chart) {
	d.text(labelWidth, d.y+chartHeader/2, "start", "title", c.title)
	d.y += chartHeader
	most := c.most()
	for _, group := range c.names {
		d.text(labelWidth, d.y+barHeight-barGap, "start", "group", group)
		d.y += groupHeader
		for _, b := range c.groups[group] {
			width := 0
			if most > 0 {
				width = int(b.value / most * (plotWidth - labelWidth - valueWidth))
			}
			baseline := d.y + barHeight - barGap
			d.text(labelWidth-8, baseline, "end", "", b.system)
			d.shapes = append(d.shapes, rectangle{X: labelWidth, Y: d.y, Width: max(width, 1), Height: barHeight, Fill: d.colour(b.system)})
			d.text(labelWidth+width+6, baseline, "start", "", format(b.value, perSecond))
			d.y += barHeight + barGap
		}
	}
	d.y += chartGap
}

// WritePlotFile writes the plot to a file.
func (r *Report) WritePlotFile(name string) (err error) {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return r.WritePlot(file)
}
