package templates

import (
	"strings"

	"coc-console/internal/ansi"
)

// The bounds of what a page shows of a log: maxLog is COC's own limit for a
// script's output in bytes (docs/coc-api.md section 11), partLines is how many lines a
// browser lays out together, maxRuns how many pieces of styled text; the rest
// of a log that has more is plain.
const (
	maxLog    = 1 << 20
	partLines = 100
	maxRuns   = 20_000
)

// ParseLog makes a log safe to show: each line is what a terminal would show of
// it (package ansi), and what remains of control characters is shown as signs.
func ParseLog(log string) Log {
	var l Log
	styled := 0
	for runs := range ansi.Lines(log, maxLog) {
		if len(l) == 0 || len(l[len(l)-1]) == partLines {
			l = append(l, make(LogPart, 0, partLines))
		}
		part := &l[len(l)-1]
		*part = append(*part, LogLine{Runs: logRuns(runs, &styled), Error: ansi.TellsError(plainText(runs))})
	}
	return l
}

// logRuns are the runs of a line, as long as there are not too many styled ones.
func logRuns(runs []ansi.Run, styled *int) []LogRun {
	var out []LogRun
	for i, r := range runs {
		if *styled >= maxRuns {
			return append(out, LogRun{Text: ansi.Visible(plainText(runs[i:]))})
		}
		if r.Style != (ansi.Style{}) {
			*styled++
		}
		out = append(out, LogRun{Text: ansi.Visible(r.Text), Colour: r.Colour, Bold: r.Bold})
	}
	return out
}

func plainText(runs []ansi.Run) string {
	if len(runs) == 1 {
		return runs[0].Text
	}
	var b strings.Builder
	for _, r := range runs {
		b.WriteString(r.Text)
	}
	return b.String()
}
