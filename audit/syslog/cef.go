package syslog

import (
	"bytes"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"coc-console/audit"
	"coc-console/audit/query"
)

// cefVersion is the device version: that of the mapping below.
const cefVersion = "1"

// maxCEF is how many bytes the value of an extension has at most.
const maxCEF = 1023

// cef is a line in the Common Event Format.
func (l Line) cef() string {
	r := l.Record
	var b strings.Builder
	b.WriteString("CEF:0")
	for _, head := range []string{"COC console", "coc-console", cefVersion, string(r.Action), nameOf(r.Action),
		strconv.Itoa(l.cefSeverity())} {
		b.WriteByte('|')
		b.WriteString(headEscapes.Replace(oneLine(head)))
	}
	b.WriteByte('|')
	first := true
	for _, e := range l.extensions() {
		if e.value == "" || e.value == "0" {
			continue
		}
		if !first {
			b.WriteByte(' ')
		}
		first = false
		b.WriteString(e.key + "=" + valueEscapes.Replace(shortened(e.value)))
	}
	return b.String()
}

// CEFWriter takes lines of export.Tail and writes each as a line of CEF.
type CEFWriter struct{ To io.Writer }

// Write writes whole lines. What it returns counts what it was given.
func (w CEFWriter) Write(lines []byte) (int, error) {
	var out []byte
	for text := range bytes.Lines(lines) {
		l, err := ParseLine(text)
		if err != nil {
			return 0, err
		}
		out = append(append(out, l.cef()...), '\n')
	}
	if _, err := w.To.Write(out); err != nil {
		return 0, err
	}
	return len(lines), nil
}

type extension struct{ key, value string }

// extensions are the fields of a record; empty ones are not sent. docs/siem.md
// has them for readers.
func (l Line) extensions() []extension {
	r := l.Record
	at := ""
	if !l.Time.IsZero() {
		at = strconv.FormatInt(l.Time.UnixMilli(), 10)
	}
	group, _, _ := strings.Cut(string(r.Action), ".")
	all := []extension{{"rt", at}, {"externalId", strconv.FormatInt(l.Sequence, 10)}, {"cat", group},
		{"act", r.OperationType}, {"outcome", string(r.Outcome)},
		{"suser", r.Actor.UserName}, {"suid", r.Actor.UserID}, {"sntdom", r.Actor.AccountName},
		{"requestClientApplication", r.Origin.UserAgent}, {"reason", r.Reason}, {"msg", message(r)}}
	if a, err := netip.ParseAddr(r.Origin.Address); err == nil && a.Is6() {
		all = append(all, extension{"c6a2Label", "source"}, extension{"c6a2", r.Origin.Address}) // src is IPv4's
	} else {
		all = append(all, extension{"src", r.Origin.Address})
	}
	for _, c := range []struct{ key, label, value string }{
		{"cs1", "ticket", r.Ticket}, {"cs2", "operationId", r.OperationID}, {"cs3", "target", r.Target},
		{"cs4", "leaf", l.Leaf}, {"cs5", "project", r.Actor.ProjectName}, {"cs6", "session", r.Origin.Session},
		{"cn1", "batch", strconv.Itoa(int(r.BatchIndex))}, {"cn2", "instance", strconv.FormatInt(r.InstanceID, 10)},
		{"cn3", "upstreamStatus", strconv.Itoa(r.Upstream.Status)}, {"flexString1", "result", string(query.OutcomeOf(&r))},
	} {
		if c.value != "" && c.value != "0" {
			all = append(all, extension{c.key + "Label", c.label}, extension{c.key, c.value})
		}
	}
	return all
}

// message is what there is to say besides the fields.
func message(r audit.Record) string {
	if r.Upstream.Message != "" {
		return r.Upstream.Message
	}
	return r.Detail
}

// nameOf is an action in words: "Operation requested".
func nameOf(a audit.Action) string {
	words := strings.NewReplacer(".", " ", "_", " ").Replace(string(a))
	if words == "" {
		return words
	}
	return strings.ToUpper(words[:1]) + words[1:]
}

// cefSeverity is from 0 to 10.
func (l Line) cefSeverity() int {
	switch l.severity() {
	case critical:
		return 10
	case warning:
		return 6
	case notice:
		return 5
	}
	return 3
}

var (
	headEscapes  = strings.NewReplacer(`\`, `\\`, `|`, `\|`)
	valueEscapes = strings.NewReplacer(`\`, `\\`, `=`, `\=`, "\r", `\r`, "\n", `\n`, "\u2028", `\n`, "\u2029", `\n`)
)

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// shortened is what is sent of a value: valid UTF-8 without control characters
// but ends of lines, cut at maxCEF.
func shortened(s string) string {
	s = strings.Map(func(c rune) rune {
		if c < ' ' && c != '\n' && c != '\r' || c == 0x7f {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) <= maxCEF {
		return s
	}
	const ellipsis = "…"
	end := maxCEF - len(ellipsis)
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + ellipsis
}
