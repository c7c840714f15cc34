package export

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"coc-console/audit"
	"coc-console/audit/query"
)

// csvColumns are the columns of a CSV export, in order. The last is the outcome
// in the word that pages, filters and facets have for it; outcome is the record's own.
var csvColumns = []string{"sequence", "time", "action", "outcome", "user_name", "user_id", "account_name", "account_id",
	"project_name", "project_id", "address", "user_agent", "request_id", "session", "ticket", "operation_id",
	"operation_type", "batch_index", "instance_id", "target", "reason", "seen", "upstream_status", "upstream_code",
	"upstream_message", "upstream_request_id", "duration_ms", "detail", "clock", "repeats", "input", "result"}

// csvHead is how a CSV export begins. Spreadsheets take a file for UTF-8 only
// with a byte order mark.
func csvHead() []byte { return []byte("\uFEFF" + strings.Join(csvColumns, ",") + "\r\n") }

// appendCSV appends a record as a row.
func appendCSV(row []byte, r *audit.Record) []byte {
	row = append(strconv.AppendInt(row, r.Sequence, 10), ',')
	row = r.Time.UTC().AppendFormat(row, time.RFC3339Nano)
	for _, s := range [...]string{string(r.Action), string(r.Outcome), r.Actor.UserName, r.Actor.UserID, r.Actor.AccountName,
		r.Actor.AccountID, r.Actor.ProjectName, r.Actor.ProjectID, r.Origin.Address, r.Origin.UserAgent, r.Origin.RequestID,
		r.Origin.Session, r.Ticket, r.OperationID, r.OperationType} {
		row = appendCell(append(row, ','), s)
	}
	row = appendUnlessZero(append(row, ','), int64(r.BatchIndex))
	row = appendUnlessZero(append(row, ','), r.InstanceID)
	for _, s := range [...]string{r.Target, r.Reason, r.Seen} {
		row = appendCell(append(row, ','), s)
	}
	row = appendUnlessZero(append(row, ','), int64(r.Upstream.Status))
	for _, s := range [...]string{r.Upstream.Code, r.Upstream.Message, r.Upstream.RequestID} {
		row = appendCell(append(row, ','), s)
	}
	row = strconv.AppendInt(append(row, ','), r.Duration.Milliseconds(), 10)
	row = append(appendCell(append(row, ','), r.Detail), ',')
	if !r.Clock.IsZero() {
		row = r.Clock.UTC().AppendFormat(row, time.RFC3339Nano)
	}
	row = appendUnlessZero(append(row, ','), r.Repeats)
	row = append(appendCell(append(row, ','), r.Input), ',')
	return append(append(row, query.OutcomeOf(r)...), '\r', '\n')
}

func appendUnlessZero(row []byte, n int64) []byte {
	if n == 0 {
		return row
	}
	return strconv.AppendInt(row, n, 10)
}

// special are the bytes for which a cell is looked at closely.
var special = func() (is [256]bool) {
	for _, c := range []byte("\"',;\t\r\n=+-@\xEF") { // the last begins the full-width forms
		is[c] = true
	}
	return is
}()

// appendCell appends a cell, in quotes where its text could end it.
func appendCell(row []byte, text string) []byte {
	for i := range len(text) {
		if special[text[i]] {
			return appendSpecial(row, text)
		}
	}
	return append(row, text...)
}

func appendSpecial(row []byte, text string) []byte {
	text = SafeCell(text)
	if !strings.ContainsAny(text, "\",;\t\r\n") {
		return append(row, text...)
	}
	row = append(row, '"')
	for {
		i := strings.IndexByte(text, '"')
		if i < 0 {
			return append(append(row, text...), '"')
		}
		row = append(append(row, text[:i]...), '"', '"')
		text = text[i+1:]
	}
}

// SafeCell keeps a spreadsheet from taking a text for a formula, by an
// apostrophe before what would begin one. A cell begins with the text, and
// also after a semicolon, tab or line break in it: where lists are written
// with semicolons, Excel splits lines there and does not see that the cell is
// quoted.
func SafeCell(text string) string {
	var b strings.Builder
	begins, from := true, 0
	if text != "" && strings.IndexByte("\t\r\n", text[0]) >= 0 {
		b.WriteByte('\'') // which some drop, and look at what follows
	}
	for i, c := range text {
		switch {
		case begins && isFormula(c):
			b.WriteString(text[from:i])
			b.WriteByte('\'')
			begins, from = false, i
		case c == ';', c == '\t', c == '\r', c == '\n':
			begins = true
		case c != ' ' && c != '"':
			begins = false
		}
	}
	if from == 0 && b.Len() == 0 {
		return text
	}
	b.WriteString(text[from:])
	return b.String()
}

// isFormula reports whether a spreadsheet takes what begins so for a formula.
func isFormula(c rune) bool {
	return c < utf8.RuneSelf && strings.IndexByte("=+-@", byte(c)) >= 0 || strings.ContainsRune("＝＋－＠", c)
}
