package watch

import (
	"regexp"
	"strings"

	"coc-console/internal/ansi"
	"coc-console/internal/coc"
)

// bareStatus is a line that names an exit status and nothing else.
var bareStatus = regexp.MustCompile(`(?i)^\W*(?:exit(?:ed)?(?: with)?(?: status| code)?|exit_code|rc)[ =:]+\d{1,3}\W*$`)

// lineBefore is the line before a log's last one where that names an exit status alone; otherwise it is empty.
func lineBefore(log string) string {
	last := ansi.LastLine(log, lastBytes)
	if last == "" || !bareStatus.MatchString(last) {
		return ""
	}
	at := strings.LastIndex(log, strings.TrimSpace(last))
	if at <= 0 {
		return ""
	}
	return ansi.LastLine(log[:at], lastBytes)
}

// outputOf is a sum over an instance's log in which numbers, spaces and the host's own names make no difference. It is
// for grouping what is alike, and no proof of it.
func outputOf(i coc.Instance) uint64 {
	text := strings.TrimSpace(i.Message)
	for _, own := range []string{i.Target.HostName, i.Target.FixedIP, i.Target.FloatingIP, i.Target.ResourceID} {
		if len(own) > 3 && strings.Contains(text, own) {
			text = strings.ReplaceAll(text, own, "\x00")
		}
	}
	const offset, prime = 14695981039346656037, 1099511628211 // FNV-1a
	sum, number, space := uint64(offset), false, true
	for n := range len(text) {
		c := text[n]
		switch digit := '0' <= c && c <= '9'; {
		case digit && number, c <= ' ' && c != 0 && space:
			continue
		case digit:
			c, number, space = '0', true, false
		case c <= ' ' && c != 0:
			c, number, space = ' ', false, true
		default:
			number, space = false, false
		}
		sum = (sum ^ uint64(c)) * prime
	}
	return sum
}
