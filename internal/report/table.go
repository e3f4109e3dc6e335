package report

import (
	"strings"
	"unicode/utf8"
)

// Column is a column of a [Table].
type Column struct {
	Title string
	Right bool // whether it is aligned to the right, as numbers are
	Style Style
}

// Table is a heading and rows of as many cells, or fewer.
type Table struct {
	Columns []Column
	Rows    []Line
}

// gap is what stands between two columns.
const gap = "  "

// Lines returns the heading and the rows. Columns of which every cell is empty are left out.
func (t *Table) Lines() []Line {
	widths := make([]int, len(t.Columns))
	for _, row := range t.Rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell.Text))
		}
	}
	heading := make(Line, len(t.Columns))
	for i, column := range t.Columns {
		style := column.Style
		if style == Plain {
			style = Strong
		}
		heading[i] = Span{column.Title, style}
		if widths[i] > 0 || len(t.Rows) == 0 {
			widths[i] = max(widths[i], utf8.RuneCountInString(column.Title))
		}
	}
	lines := []Line{t.align(heading, widths)}
	for _, row := range t.Rows {
		lines = append(lines, t.align(row, widths))
	}
	return lines
}

// align pads the cells of a row, less what would stand at its end.
func (t *Table) align(row Line, widths []int) Line {
	var line Line
	blanks := "" // since the last text
	for i, cell := range row {
		if widths[i] == 0 {
			continue
		}
		padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell.Text))
		if t.Columns[i].Right {
			blanks, padding = blanks+padding, ""
		}
		if cell.Text != "" {
			if blanks != "" {
				line = append(line, Span{Text: blanks})
			}
			line, blanks = append(line, cell), ""
		}
		blanks += padding + gap
	}
	return line
}
