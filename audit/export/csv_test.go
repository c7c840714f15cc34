package export

import (
	"encoding/csv"
	"slices"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/query"
)

func TestSafeCell(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "plain": "plain", "a=b": "a=b", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)",
		"\t=1": "'\t'=1", "\r=1": "'\r'=1", "\n=1": "'\n'=1", "'x": "'x", "长": "长", "＝1": "'＝1", " =1": " '=1",
		"a;=1": "a;'=1", "a; \"=1": "a; \"'=1", "a;b=1": "a;b=1", "a,=1": "a,=1", "a\n-1;@x": "a\n'-1;'@x", "a;": "a;",
		"Mozilla/5.0 (X11; x86_64)": "Mozilla/5.0 (X11; x86_64)", "bot (+http://x)": "bot (+http://x)", "\"=1": "\"'=1",
	} {
		if got := SafeCell(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// TestCSVIsRead: an independent reader finds in each cell what was put there.
func TestCSVIsRead(t *testing.T) {
	texts := []string{"", "x", `"`, `a "b" c`, "a,b", "a;b", "a\nb", "a\tb", "a\r\nb", "=1;=2", "中文", " x "}
	for _, text := range texts {
		r := audit.Record{Sequence: 7, Time: time.UnixMicro(1).UTC(), Action: audit.ActionTicketViewed, Outcome: audit.OutcomeFailed, BatchIndex: 3, Duration: 1500 * time.Millisecond}
		var want []string
		for i, to := range []*string{&r.Actor.UserName, &r.Actor.UserID, &r.Actor.AccountName, &r.Actor.AccountID, &r.Actor.ProjectName,
			&r.Actor.ProjectID, &r.Origin.Address, &r.Origin.UserAgent, &r.Origin.RequestID, &r.Origin.Session, &r.Ticket, &r.OperationID,
			&r.OperationType, &r.Target, &r.Reason, &r.Seen, &r.Upstream.Code, &r.Upstream.Message, &r.Upstream.RequestID, &r.Detail, &r.Input} {
			*to = text + string(rune('a'+i))
			want = append(want, strings.ReplaceAll(SafeCell(*to), "\r\n", "\n")) // as the reader gives line breaks back
		}
		rows, err := csv.NewReader(strings.NewReader(string(appendCSV(csvHead(), &r)))).ReadAll()
		if err != nil || len(rows) != 2 {
			t.Fatalf("%q: %v", text, err)
		}
		var got []string
		for i, cell := range rows[1] {
			switch rows[0][i] {
			case "\uFEFFsequence", "time", "action", "outcome", "batch_index", "instance_id", "upstream_status", "duration_ms", "clock", "repeats", "result":
			default:
				got = append(got, cell)
			}
		}
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		if strings.Join(append(rows[1][:4:4], rows[1][17], rows[1][18], rows[1][22], rows[1][26]), "|") != "7|1970-01-01T00:00:00.000001Z|ticket.viewed|failed|3|||1500" {
			t.Errorf("%q", rows[1])
		}
	}
}

// TestCSVHasTheWordsOfPages: the last column has the outcome as pages and filters say it; the others stay as they were.
func TestCSVHasTheWordsOfPages(t *testing.T) {
	text := csvHead()
	for _, a := range audit.Actions() {
		text = appendCSV(text, &audit.Record{Sequence: 1, Action: a, Outcome: audit.OutcomePending})
	}
	rows, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	last := len(rows[0]) - 1
	if rows[0][last] != "result" || rows[0][3] != "outcome" || rows[0][last-1] != "input" {
		t.Errorf("the columns are %q", rows[0])
	}
	words := map[string]string{"operation.observed": "confirmed", "operation.not_observed": "not_confirmed", "operation.accepted": "accepted",
		"operation.rejected": "rejected", "approval.requested": "waiting", "approval.refused": "refused", "approval.expired": "not_sent"}
	for _, row := range rows[1:] {
		if !slices.Contains(query.RowOutcomes(), audit.Outcome(row[last])) {
			t.Errorf("%s: %q is no outcome of pages", row[2], row[last])
		}
		if want := words[row[2]]; want != "" && row[last] != want {
			t.Errorf("%s: got %q, want %q", row[2], row[last], want)
		}
	}
}
