package system

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/database"
	"coc-console/internal/loadtest"
	"coc-console/internal/operate"
	"coc-console/internal/secretfile"
	consolestore "coc-console/internal/store"
)

// leaveOpen leaves n operations, requests for approval, bulk operations of one item and saved searches in a data
// folder, as a console does that stops amid them.
func leaveOpen(t testing.TB, folder string, n int) {
	t.Helper()
	log, closeLog := openLog(t, folder, folder)
	actor := audit.Actor{UserID: fmt.Sprintf("%032x", 3), UserName: benchUser, AccountID: fmt.Sprintf("%032x", 1), AccountName: "bench", ProjectID: fmt.Sprintf("%032x", 2), ProjectName: "cn-north-4"}
	seen := operate.Snapshot{Status: "PROCESSING", Batch: 1, Running: 10, Ready: 10}.String()
	var appended sync.WaitGroup
	for i := range n {
		appended.Go(func() {
			_, err := log.Append(t.Context(), audit.Record{Action: audit.ActionOperationRequested, Outcome: audit.OutcomePending, Actor: actor, Ticket: openTicket(i),
				OperationID: operate.NewKey(), OperationType: "PAUSE_ORDER", Seen: seen})
			if err != nil {
				t.Error(err)
			}
		})
	}
	appended.Wait()
	closeLog()
	key, err := secretfile.Read(filepath.Join(folder, "session.key"), 32)
	must(t, err)
	key, err = hkdf.Key(sha256.New, key, nil, "coc-console operation rows", sha256.Size)
	must(t, err)
	db, err := database.Open(t.Context(), folder, database.Console)
	must(t, err)
	console := consolestore.DB{Write: db.Write, Read: db.Read}
	approvals, bulks, saved := consolestore.NewApprovals(console, consolestore.NewSealer(key)), consolestore.NewBulk(console, consolestore.NewSealer(key)), consolestore.NewSaved(console)
	now := time.Now()
	operation := consolestore.JSON(operate.StoredOperation{Type: "PAUSE_ORDER", Name: "restart", Creator: benchUser, Status: "PROCESSING"})
	for i := range n {
		a := consolestore.ApprovalRow{ID: operate.NewKey(), State: "waiting", AccountID: actor.AccountID, RequesterID: actor.UserID, Ticket: openTicket(i),
			Operation: operation, Requester: consolestore.JSON(actor), Origin: "{}", Reason: "left open", Seen: seen, Created: now.UnixMicro(), Expires: now.Add(time.Hour).UnixMicro()}
		must(t, approvals.Insert(t.Context(), a, consolestore.Key{Key: a.ID, Ticket: a.Ticket, Path: consolestore.PathApproval, UserID: actor.UserID, AccountID: actor.AccountID, At: now}))
		must(t, approvals.SetLogged(t.Context(), a.ID, a.State))
		b := consolestore.BulkRow{ID: operate.NewKey(), State: "running", AccountID: actor.AccountID, RequesterID: actor.UserID, Actor: consolestore.JSON(actor), Origin: "{}",
			Type: "PAUSE_ORDER", Reason: "left open", Terms: `{"items":1}`, Created: now.UnixMicro()}
		item := consolestore.ItemRow{Bulk: b.ID, N: 1, State: "waiting", Ticket: openTicket(i), Operation: operation, Seen: seen, Key: operate.NewKey()}
		must(t, bulks.Insert(t.Context(), b, []consolestore.ItemRow{item}, nil))
		must(t, saved.Save(t.Context(), consolestore.SavedTickets, actor.UserID+fmt.Sprint(i/50), consolestore.SavedQuery{Name: fmt.Sprint("search ", i), Query: "q=web"}, now))
	}
	must(t, db.Close())
}

func openTicket(i int) string { return fmt.Sprintf("SCT20260101000003%09x", i) }

// TestFirstPageBeforeTakeover: a console that can't take up yet what an earlier one left, because console.db can't be
// written, still answers, and says that it is not done. Everything is taken up once it can be.
func TestFirstPageBeforeTakeover(t *testing.T) {
	t.Parallel()
	const open = 20
	folder := t.TempDir()
	leaveOpen(t, folder, open)
	db, err := database.Open(t.Context(), folder, database.Console)
	must(t, err)
	defer func() { must(t, db.Close()) }()
	tx, err := db.Write.BeginTx(t.Context(), nil)
	must(t, err)
	_, err = tx.ExecContext(t.Context(), `DELETE FROM saved`) // it holds the lock until it is rolled back
	must(t, err)
	u := newUpstream(t, 0)
	p := startProcess(t, "--coc-endpoint", u.url, "--iam-endpoint", u.url, "--accounts", "bench", "--data", folder)
	firstPage(t, p.url)
	if text := body(t, p.url+"/readyz"); !strings.Contains(text, "operations: warning resuming") {
		t.Errorf("/readyz says of the start:\n%s", text)
	}
	if n := countActions(t, folder, audit.ActionOperationUnknown, audit.ActionJobStarted); n != 0 {
		t.Errorf("%d records were written before the rows could be", n)
	}
	must(t, tx.Rollback())
	eventually(t, "everything is taken up", func() bool {
		return countActions(t, folder, audit.ActionOperationUnknown) == open && countActions(t, folder, audit.ActionJobStopped) == open
	})
	eventually(t, "the start is done", func() bool { return strings.Contains(body(t, p.url+"/readyz"), "operations: ok") })
	p.stop()
	if n := u.sent.Load(); n != 0 { // nobody is signed in
		t.Errorf("%d operations were sent", n)
	}
}

// body is what an address answers.
func body(t testing.TB, url string) (text string) {
	t.Helper()
	r, err := loadtest.Run(t.Context(), loadtest.Plan{Requests: 1, Time: time.Minute, InFlight: 1, Request: (&peer{t, url}).get(""),
		Check: func(_ int, _ *http.Response, body []byte) error { text = string(body); return nil }})
	if err != nil || r.Err != nil {
		t.Fatal(err, r.Err)
	}
	return text
}

// countActions counts the records of some actions in a folder's log.
func countActions(t testing.TB, folder string, actions ...audit.Action) (n int) {
	t.Helper()
	db, err := database.Inspect(t.Context(), folder, database.Audit)
	must(t, err)
	defer func() { must(t, db.Close()) }()
	for _, action := range actions {
		var of int
		must(t, db.Read.QueryRowContext(t.Context(), `SELECT count(*) FROM entry WHERE body->>'action' = $1`, string(action)).Scan(&of))
		n += of
	}
	return n
}

// BenchmarkStart starts a console on a folder in which 1,000 operations, approvals, bulk operations and saved searches
// are open, until the first page is there.
func BenchmarkStart(b *testing.B) {
	for _, open := range []int{0, 1000} {
		b.Run(fmt.Sprintf("open=%d", open), func(b *testing.B) {
			u := newUpstream(b, 0)
			var first, cpu time.Duration
			for b.Loop() {
				b.StopTimer()
				folder := b.TempDir()
				leaveOpen(b, folder, open)
				address := freeAddress(b)
				begun := time.Now()
				b.StartTimer()
				p := spawn(b, "--coc-endpoint", u.url, "--iam-endpoint", u.url, "--accounts", "bench", "--listen", address, "--data", folder, "--log-level", "error")
				firstPage(b, "http://"+address)
				b.StopTimer()
				first, cpu = first+time.Since(begun), cpu+cpuOf(b, p.cmd.Process.Pid)
				p.kill()
				b.StartTimer()
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(first.Milliseconds())/float64(b.N), "first-page-ms")
			b.ReportMetric(float64(cpu.Milliseconds())/float64(b.N), "cpu-ms")
		})
	}
}

// firstPage asks for the sign-in page until it is there.
func firstPage(b testing.TB, url string) {
	request := func() error {
		r, err := loadtest.Run(b.Context(), loadtest.Plan{Requests: 1, Time: time.Minute, InFlight: 1, Request: (&peer{b, url}).get("/sign-in"),
			Check: func(_ int, res *http.Response, _ []byte) error {
				if res.StatusCode != http.StatusOK {
					return fmt.Errorf("the first page: %s", res.Status)
				}
				return nil
			}})
		if err != nil {
			b.Fatal(err)
		}
		return r.Err
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for begun := time.Now(); request() != nil; <-tick.C {
		if time.Since(begun) > time.Minute {
			b.Fatal("no first page")
		}
	}
}
