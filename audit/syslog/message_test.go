package syslog_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"coc-console/audit"
	"coc-console/audit/syslog"
)

// lineOf is the line of a tail with a record.
func lineOf(t testing.TB, r audit.Record) []byte {
	t.Helper()
	body, err := audit.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Appendf(nil, `{"sequence":%d,"leaf":"00ff","time":%q,"record":%s}`+"\n", r.Sequence, r.Time.UTC().Format(time.RFC3339Nano), body)
}

// messageOf is the one message of a line, without its length.
func messageOf(t testing.TB, line []byte, form syslog.Form) string {
	t.Helper()
	l, err := syslog.ParseLine(line)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(l.AppendMessage(nil, form, "console 1\n")), " ")
	if n, err := strconv.Atoi(head); err != nil || n != len(rest) {
		t.Fatalf("the frame says %q, and the message has %d bytes", head, len(rest))
	}
	return rest
}

func TestMessages(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678900000, time.UTC)
	cancelled := audit.Record{Sequence: 4711, Time: at, Action: audit.ActionOperationRejected, Outcome: audit.OutcomeFailed,
		Actor:  audit.Actor{UserName: "otto", UserID: "u1", AccountName: "demo", ProjectName: "cn-north-4"},
		Origin: audit.Origin{Address: "10.0.0.7", UserAgent: "Firefox"}, Ticket: "SCT1", OperationID: "op1", OperationType: "CANCEL_ORDER",
		BatchIndex: 2, InstanceID: 77, Target: "web-1 (10.1.1.1)", Reason: "a=b|c\\d\nnext", Upstream: audit.Upstream{Status: 409, Message: "no"}}
	viewed := audit.Record{Sequence: 2, Time: at, Action: audit.ActionTicketViewed, Outcome: audit.OutcomeSucceeded,
		Origin: audit.Origin{Address: "2001:db8::1"}}
	body, err := audit.Encode(viewed)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		line []byte
		form syslog.Form
		want string
	}{
		{"a read as JSON", lineOf(t, viewed), syslog.JSON,
			`<110>1 2026-01-02T03:04:05.678900Z console1 coc-console - ticket.viewed [meta sequenceId="2"][origin software="coc-console"] ` +
				`{"sequence":2,"leaf":"00ff","time":"2026-01-02T03:04:05.6789Z","record":` + string(body) + `}`},
		{"a refusal as CEF", lineOf(t, cancelled), syslog.CEF,
			`<108>1 2026-01-02T03:04:05.678900Z console1 coc-console - operation.rejected [meta sequenceId="4711"][origin software="coc-console"] ` +
				`CEF:0|COC console|coc-console|1|operation.rejected|Operation rejected|6|rt=1767323045678 externalId=4711 cat=operation ` +
				`act=CANCEL_ORDER outcome=failed suser=otto suid=u1 sntdom=demo requestClientApplication=Firefox reason=a\=b|c\\d\nnext msg=no ` +
				`src=10.0.0.7 cs1Label=ticket cs1=SCT1 cs2Label=operationId cs2=op1 cs3Label=target cs3=web-1 (10.1.1.1) cs4Label=leaf cs4=00ff ` +
				`cs5Label=project cs5=cn-north-4 cn1Label=batch cn1=2 cn2Label=instance cn2=77 cn3Label=upstreamStatus cn3=409 ` +
				`flexString1Label=result flexString1=rejected`},
		{"IPv6", lineOf(t, viewed), syslog.CEF,
			`<110>1 2026-01-02T03:04:05.678900Z console1 coc-console - ticket.viewed [meta sequenceId="2"][origin software="coc-console"] ` +
				`CEF:0|COC console|coc-console|1|ticket.viewed|Ticket viewed|3|rt=1767323045678 externalId=2 cat=ticket outcome=succeeded ` +
				`c6a2Label=source c6a2=2001:db8::1 cs4Label=leaf cs4=00ff flexString1Label=result flexString1=succeeded`},
		{"removed", []byte(`{"sequence":5,"pruned":true}` + "\n"), syslog.CEF,
			`<109>1 - console1 coc-console - audit.pruned [meta sequenceId="5"][origin software="coc-console"] ` +
				`CEF:0|COC console|coc-console|1|audit.pruned|Audit pruned|5|externalId=5 cat=audit outcome=succeeded msg=the contents of this record were removed flexString1Label=result flexString1=succeeded`},
		{"missing", []byte(`{"error":"missing","sequence":2147483648}` + "\n"), syslog.CEF,
			`<106>1 - console1 coc-console - entry.damaged [meta sequenceId="1"][origin software="coc-console"] ` +
				`CEF:0|COC console|coc-console|1|entry.damaged|Entry damaged|10|externalId=2147483648 cat=entry outcome=failed msg=the record is missing flexString1Label=result flexString1=failed`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, messageOf(t, tt.line, tt.form)); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, wrong := range []string{"", "{}", "x", `{"sequence":0}`} {
		if l, err := syslog.ParseLine([]byte(wrong)); err == nil {
			t.Errorf("%q is a line: %+v", wrong, l)
		}
	}
}

var (
	header = regexp.MustCompile(`^<\d{1,3}>1 (-|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) [!-~]{1,255} coc-console - [!-~]{1,32} ` +
		`\[meta sequenceId="\d{1,10}"\]\[origin software="coc-console"\] `)
	keys = regexp.MustCompile(`(^| )([A-Za-z0-9]+)=`)
)

// readCEF reads an extension as a SIEM does.
func readCEF(text string) (map[string]string, error) {
	heads := 0
	for i := 0; i < len(text) && heads < 7; i++ {
		switch text[i] {
		case '\\':
			i++
		case '|':
			if heads++; heads == 7 {
				text = text[i+1:]
			}
		}
	}
	if heads != 7 {
		return nil, errors.New("there are no seven heads")
	}
	fields := map[string]string{}
	at := keys.FindAllStringSubmatchIndex(text, -1)
	var kept [][]int
	for _, m := range at { // an escaped = is none
		if text[m[1]-2] != '\\' {
			kept = append(kept, m)
		}
	}
	for i, m := range kept {
		end := len(text)
		if i+1 < len(kept) {
			end = kept[i+1][0]
		}
		key := text[m[4]:m[5]]
		if _, twice := fields[key]; twice {
			return nil, fmt.Errorf("%s is there twice", key)
		}
		fields[key] = strings.NewReplacer(`\\`, `\`, `\=`, `=`, `\n`, "\n", `\r`, "\r").Replace(text[m[1]:end])
	}
	return fields, nil
}

// FuzzMessage: whatever a person typed stays in its field, and in its message.
func FuzzMessage(f *testing.F) {
	f.Add("a=b|c\\d\nnext", "otto", "SCT1", "host")
	f.Add("x suser=root", "\\", "]\"\\", "\r\n<13>1 - - - - - -")
	f.Add("\x00\u2028\xff", "a|b", " ", "")
	f.Add(strings.Repeat("é", 2000), "=", "k=", "ü")
	f.Fuzz(func(t *testing.T, reason, user, ticket, host string) {
		r := audit.Record{Sequence: 9, Time: time.Unix(1e9, 0), Action: audit.ActionTicketViewed, Outcome: audit.OutcomeSucceeded,
			Actor: audit.Actor{UserName: user}, Reason: reason, Ticket: ticket, Detail: host}
		line := lineOf(t, r)
		l, err := syslog.ParseLine(line)
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range []syslog.Form{syslog.JSON, syslog.CEF} {
			framed := l.AppendMessage(nil, form, host)
			length, m, _ := bytes.Cut(framed, []byte(" "))
			if n, err := strconv.Atoi(string(length)); err != nil || n != len(m) {
				t.Fatalf("the length %q of %d bytes", length, len(m))
			}
			if !header.Match(m) || bytes.ContainsAny(m, "\n\r\x00") || !utf8.Valid(m) {
				t.Fatalf("%q", m)
			}
			text := m[len(header.Find(m)):]
			if form == syslog.JSON {
				if !json.Valid(text) {
					t.Fatalf("%q", text)
				}
				continue
			}
			fields, err := readCEF(string(text))
			if err != nil {
				t.Fatalf("%v: %q", err, text)
			}
			for key, want := range map[string]string{"suser": l.Record.Actor.UserName, "cs1": l.Record.Ticket, "reason": l.Record.Reason, "msg": l.Record.Detail} {
				if got := fields[key]; len(want) < 1000 && !strings.ContainsFunc(want, special) && want != "0" && got != want {
					t.Fatalf("%s is %q, want %q: %q", key, got, want, text)
				}
			}
			for key := range fields {
				if !known[key] {
					t.Fatalf("a field %s came in: %q", key, text)
				}
			}
		}
	})
}

// special are characters that are replaced, and therefore not the same.
func special(c rune) bool {
	return c < ' ' && c != '\n' && c != '\r' || c == 0x7f || c == utf8.RuneError || c == '\u2028' || c == '\u2029' || c == '\\'
}

var known = map[string]bool{"rt": true, "externalId": true, "cat": true, "outcome": true, "suser": true, "reason": true, "msg": true,
	"cs1": true, "cs1Label": true, "cs4": true, "cs4Label": true, "flexString1": true, "flexString1Label": true}
