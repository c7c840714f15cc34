package audittest

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/database"
)

// Execute runs a statement in one of the databases.
func Execute(t testing.TB, db *database.DB, statement string, args ...any) {
	t.Helper()
	if _, err := db.Write.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// Number is the answer of a query that has one.
func Number(t testing.TB, db *database.DB, query string, args ...any) (n int64) {
	t.Helper()
	if err := db.Read.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// Until waits for a condition.
func Until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for !holds() {
		select {
		case <-t.Context().Done():
			t.Fatalf("%s: never", what)
		case <-time.After(time.Millisecond):
		}
	}
}

// Viewed is the record of somebody who read a ticket.
func Viewed(detail string) audit.Record {
	return audit.Record{Action: audit.ActionTicketViewed, Outcome: audit.OutcomeSucceeded, Detail: detail}
}

// Several are so many records that can be told apart.
func Several(n int) []audit.Record {
	out := make([]audit.Record, n)
	for i := range out {
		out[i] = Viewed(fmt.Sprintf("number %d", i))
	}
	return out
}

// CheckOrder fails unless the numbers are 1, 2, 3… and the times increase.
func CheckOrder(t testing.TB, records []audit.Record) {
	t.Helper()
	for i, r := range records {
		if r.Sequence != int64(i+1) {
			t.Fatalf("the record at %d has sequence %d", i+1, r.Sequence)
		}
		if i > 0 && !r.Time.After(records[i-1].Time) {
			t.Fatalf("record %d is at %v, after one at %v", r.Sequence, r.Time, records[i-1].Time)
		}
	}
}

// Sequences are the numbers of records.
func Sequences(records []audit.Record) []int64 {
	out := make([]int64, len(records))
	for i, r := range records {
		out[i] = r.Sequence
	}
	return out
}

// Same fails unless two lists of records are the same.
func Same(t testing.TB, what string, got, want []audit.Record) {
	t.Helper()
	if len(got) == 0 && len(want) == 0 {
		return
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, want %v", what, Sequences(got), Sequences(want))
	}
}

// FullRecord has a value in every field that a caller sets.
func FullRecord() audit.Record {
	return audit.Record{
		Action: audit.ActionOperationRequested, Outcome: audit.OutcomePending,
		Actor: audit.Actor{UserID: "u-1", UserName: "operator", AccountID: "a-1", AccountName: "demo",
			ProjectID: "p-1", ProjectName: "cn-north-4", Groups: "ops\non-call"},
		Origin:   audit.Origin{Address: "2001:db8::1", UserAgent: "Mozilla/5.0 <x>", RequestID: "r-1", Session: "5e55"},
		Duration: 1234567 * time.Microsecond, Ticket: "SCT1234", OperationID: "key-1", OperationType: "CANCEL_INSTANCE",
		BatchIndex: 20, InstanceID: math.MaxInt64, Target: "web-01 (10.0.0.1)", Reason: "wrong host\nsecond line 中文",
		Seen:     "digest",
		Upstream: audit.Upstream{Status: 200, Code: "COC.0", Message: "fine & well", RequestID: "up-1"},
		Detail:   `{"batch":3}`, Repeats: 12, Input: `{"v":1,"action":"view"}`,
	}
}

// Key signs the checkpoints of tests.
var Key = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))

// Signing makes a log sign its checkpoints.
func Signing(c *audit.Config) { c.Key, c.Origin = Key, "example.com/log" }
