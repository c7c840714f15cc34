package report

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"coc-console/audit/export"
	"coc-console/internal/ansi"
	"coc-console/internal/i18n"
	"coc-console/internal/markdown"
	"coc-console/templates"
)

// day is how a day is written.
const day = "2006-01-02"

// ParsePeriod reads two days of UTC, both of which belong to the period; ok is
// false where they are none.
func ParsePeriod(from, to string) (p Period, ok bool) {
	first, err := time.Parse(day, from)
	last, err2 := time.Parse(day, to)
	if err != nil || err2 != nil || last.Before(first) {
		return p, false
	}
	return Period{first, last.AddDate(0, 0, 1)}, true
}

// Days are the first and the last day of a period.
func (p Period) Days() (from, to string) {
	return p.From.UTC().Format(day), p.To.Add(-time.Nanosecond).UTC().Format(day)
}

// Title names the report and its days.
func (p Period) Title(ctx context.Context) string {
	t := i18n.Report.T(ctx)
	return t.Heading + " " + t.Of(p.Days())
}

// CSV writes one table, for spreadsheets: UTF-8 with a byte order mark, RFC 4180.
func CSV(w io.Writer, t templates.ReportTable) error {
	out := bufio.NewWriter(w)
	_, _ = out.WriteString("\uFEFF") // Flush says what went wrong
	c := csv.NewWriter(out)
	c.UseCRLF = true
	rows := t.Rows
	if len(t.Head) > 0 {
		rows = append([][]string{t.Head}, rows...)
	}
	for _, row := range rows {
		safe := make([]string, len(row))
		for i, cell := range row {
			safe[i] = export.SafeCell(cell)
		}
		_ = c.Write(safe) // as above
	}
	c.Flush()
	if err := errors.Join(c.Error(), out.Flush()); err != nil {
		return fmt.Errorf("write the table %s: %w", t.ID, err)
	}
	return nil
}

// Markdown writes the tables as Markdown with tables, as GitHub reads it.
func Markdown(ctx context.Context, w io.Writer, title string, tables []templates.ReportTable) error {
	out := bufio.NewWriter(w)
	_, _ = fmt.Fprintf(out, "# %s\n", title) // Flush tells
	for _, t := range tables {
		_, _ = fmt.Fprintf(out, "\n## %s\n\n", t.Title)
		if t.Note != "" {
			_, _ = fmt.Fprintf(out, "%s\n\n", t.Note)
		}
		if len(t.Rows) == 0 {
			_, _ = fmt.Fprintln(out, i18n.Report.T(ctx).Empty)
			continue
		}
		head := t.Head
		if len(head) == 0 {
			head = make([]string, len(t.Rows[0]))
		}
		_, _ = fmt.Fprintf(out, "%s|%s\n", line(head), strings.Repeat("---|", len(head)))
		for _, row := range t.Rows {
			_, _ = fmt.Fprint(out, line(row))
		}
	}
	return out.Flush()
}

func line(cells []string) string {
	var b strings.Builder
	b.WriteByte('|')
	for _, cell := range cells {
		b.WriteString(" " + markdown.Line(ansi.VisibleLine(cell)) + " |")
	}
	b.WriteByte('\n')
	return b.String()
}

// HTML writes the tables as one page that needs nothing else.
func HTML(ctx context.Context, w io.Writer, title string, tables []templates.ReportTable) error {
	if err := templates.ReportDocument(title, tables).Render(ctx, w); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
