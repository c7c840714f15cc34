// Package syslog sends the records of the audit log to a SIEM: as RFC 5424
// messages over TCP or TLS, each at least once.
package syslog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"coc-console/audit"
)

// Form is what a message holds of a record.
type Form string

// The forms.
const (
	JSON Form = "jsonl" // the line that export.Tail writes
	CEF  Form = "cef"   // ArcSight's Common Event Format, version 0
)

// Line is what a line of export.Tail says.
type Line struct {
	Sequence int64     `json:"sequence"`
	Leaf     string    `json:"leaf"` // the hash of the record's bytes, in hex
	Time     time.Time `json:"time"`
	Pruned   bool      `json:"pruned"` // its bytes were removed: Record is empty
	Error    string    `json:"error"`  // missing: the record should be there, and is not

	Record audit.Record // of bytes that are not a record, what Action says
	text   []byte
}

var errLine = errors.New("audit/syslog: not a line of a tail")

// ParseLine reads a line that export.Tail wrote.
func ParseLine(text []byte) (Line, error) {
	raw := struct {
		*Line
		Body  json.RawMessage `json:"record"`
		Bytes []byte          `json:"bytes"`
	}{Line: &Line{}}
	if err := json.Unmarshal(text, &raw); err != nil || raw.Sequence <= 0 {
		return Line{}, errLine
	}
	l := *raw.Line
	l.text = bytes.TrimSuffix(text, []byte("\n"))
	switch {
	case l.Error != "":
		l.Record = audit.Record{Action: audit.ActionEntryDamaged, Outcome: audit.OutcomeFailed,
			Detail: "the record is " + l.Error}
	case l.Pruned:
		l.Record = audit.Record{Action: audit.ActionAuditPruned, Outcome: audit.OutcomeSucceeded,
			Detail: "the contents of this record were removed"}
	case raw.Body != nil:
		l.Record = audit.DecodeEntry(l.Sequence, l.Time.UnixMicro(), raw.Body)
	default:
		l.Record = audit.DecodeEntry(l.Sequence, l.Time.UnixMicro(), raw.Bytes)
	}
	l.Record.Sequence = l.Sequence
	return l, nil
}

// Text is the line in a form, without an end of line.
func (l Line) Text(form Form) []byte {
	if form == CEF {
		return []byte(l.cef())
	}
	return l.text
}

// The severities of RFC 5424 that are used.
const (
	critical = 2
	warning  = 4
	notice   = 5
	info     = 6
)

const facility = 13 // log audit

func (l Line) severity() int {
	r := l.Record
	switch {
	case l.Error != "" || r.Action == audit.ActionEntryDamaged:
		return critical
	case r.Outcome == audit.OutcomeDenied, r.Outcome == audit.OutcomeFailed, r.Outcome == audit.OutcomeUnknown:
		return warning
	case r.Action == audit.ActionOverrideUsed, r.Action == audit.ActionAuditPruned, r.Action == audit.ActionAuditHeld,
		r.Action == audit.ActionAuditReleased, r.Action == audit.ActionPolicyChanged:
		return notice
	}
	return info
}

// maxSequence is the largest sequenceId of RFC 5424; then it begins again at 1.
const maxSequence = 1<<31 - 1

// AppendMessage appends the RFC 5424 message of a line from a host, framed with
// its length as RFC 6587 (octet counting) and RFC 5425 say. The message is UTF-8
// without a byte order mark.
func (l Line) AppendMessage(out []byte, form Form, host string) []byte {
	at := "-"
	if !l.Time.IsZero() {
		at = l.Time.UTC().Format("2006-01-02T15:04:05.000000Z")
	}
	m := fmt.Appendf(nil, `<%d>1 %s %s coc-console - %s [meta sequenceId="%d"][origin software="coc-console"] `,
		facility*8+l.severity(), at, printable(host, 255), printable(string(l.Record.Action), 32),
		(l.Sequence-1)%maxSequence+1)
	m = append(m, l.Text(form)...)
	out = append(strconv.AppendInt(out, int64(len(m)), 10), ' ')
	return append(out, m...)
}

// printable is a field of a message's head: visible ASCII, and not empty.
func printable(s string, limit int) string {
	kept := make([]byte, 0, len(s))
	for _, c := range []byte(s) {
		if c > ' ' && c < 0x7f && len(kept) < limit {
			kept = append(kept, c)
		}
	}
	if len(kept) == 0 {
		return "-"
	}
	return string(kept)
}
