package notify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/internal/database"
	"coc-console/internal/notify"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/internal/store"
)

// noon is when tests begin.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// desk is a log with a clock that the test steps, a directory, and receivers.
type desk struct {
	*testing.T
	dsn, folder string
	log         *audittest.Log
	rules       *policy.Store
	rows        store.DB
	shared      bool
	logged      bytes.Buffer
	attention   func(context.Context) (notify.Attention, error)

	mu   sync.Mutex
	time time.Time
}

func (d *desk) now() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.time
}

func (d *desk) step(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.time = d.time.Add(by)
}

// engines runs a test on both engines.
func engines(t *testing.T, test func(d *desk)) {
	t.Helper()
	audittest.Engines(t, func(t *testing.T, dsn string) {
		t.Helper()
		test(newDesk(t, dsn))
	})
}

func newDesk(t *testing.T, dsn string) *desk {
	t.Helper()
	d := &desk{T: t, dsn: dsn, folder: t.TempDir(), time: noon}
	d.log = audittest.Open(t, dsn, func(c *audit.Config) { c.Now = d.now })
	db, err := database.Open(t.Context(), dsn, database.Console)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	d.shared = db.Engine == database.PostgreSQL
	d.rows = store.DB{Write: db.Write, Read: db.Read, Lazily: database.Lazily, AtOnce: d.shared}
	d.write("directory.json", `{"teams": {"web": ["acme/otto"], "db": ["acme/dora"]}, "roles": {"on-call": ["acme/otto"]}}`)
	if d.rules, err = policy.Open(policy.Files{Directory: filepath.Join(d.folder, "directory.json")}, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) write(name, text string) {
	d.Helper()
	if err := os.WriteFile(filepath.Join(d.folder, name), []byte(text), 0o600); err != nil {
		d.Fatal(err)
	}
}

// notices writes the file, with one target of each name, and its routes.
func (d *desk) notices(targets map[string]*receiver, routes string) {
	d.Helper()
	var all []string
	for name, r := range targets {
		d.write(name+".secret", secret+"\n")
		all = append(all, fmt.Sprintf(`{"name": %q, "kind": "webhook", "url": "%s/canary-path", "secret_file": %q, "allow_private": true}`, name, r.URL, name+".secret"))
	}
	d.write("notices.json", `{"targets": [`+strings.Join(all, ",")+`], "routes": [`+routes+`]}`)
}

// console is a notifier of a console of its own.
func (d *desk) console() *notify.Notifier {
	d.Helper()
	n, err := notify.New(notify.Config{File: filepath.Join(d.folder, "notices.json"), URL: "https://ops.example.com",
		Rows: store.NewNotices(d.rows, d.shared), Choices: store.NewSaved(d.rows), Log: d.log.Log, Index: d.log.Index, Rules: d.rules,
		Logger: slog.New(slog.NewTextHandler(&d.logged, nil)), Now: d.now, Attention: d.attention})
	if err != nil {
		d.Fatal(err)
	}
	return n
}

// started is a console that holds the lease and has found the log's end.
func (d *desk) started() *notify.Notifier {
	d.Helper()
	n := d.console()
	d.look(n)
	return n
}

// look does what a console does once a second, and waits for what it sends.
func (d *desk) look(n *notify.Notifier) {
	d.Helper()
	if err := n.Step(d.Context()); err != nil {
		d.Fatal(err)
	}
	n.Wait()
}

func person(name string) audit.Actor {
	return audit.Actor{UserID: "id-" + name, UserName: name, AccountID: "a1", AccountName: "acme"}
}

// record is one about an operation.
func record(action audit.Action, who, id string, detail operate.Detail) audit.Record {
	outcome := audit.OutcomeSucceeded
	switch action {
	case audit.ActionApprovalRequested, audit.ActionOperationRequested:
		outcome = audit.OutcomePending
	case audit.ActionOperationNotObserved, audit.ActionPolicyChanged:
		outcome = audit.OutcomeFailed
	case audit.ActionOperationUnknown:
		outcome = audit.OutcomeUnknown
	}
	return audit.Record{Action: action, Outcome: outcome, Actor: person(who), Ticket: "SCT1", OperationID: id, OperationType: "CANCEL_ORDER",
		Target: "nginx_reload", Reason: "it hangs", Detail: detail.String()}
}

func (d *desk) append(records ...audit.Record) (last int64) {
	d.Helper()
	for _, r := range records {
		receipt, err := d.log.Append(d.Context(), r)
		if err != nil {
			d.Fatal(err)
		}
		last = receipt.Sequence
	}
	return last
}

// receiver is a webhook.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	before func() // called in each request
	got    []map[string]any
	tried  int
}

func receive(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{status: http.StatusNoContent}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		var e struct{ Data map[string]any }
		_ = json.Unmarshal(body, &e)
		r.mu.Lock()
		before, status := r.before, r.status
		r.tried++
		if status < 300 {
			r.got = append(r.got, e.Data)
		}
		r.mu.Unlock()
		if before != nil {
			before()
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answers(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

// heard are the events that it took, with their operations.
func (r *receiver) heard() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]string, 0, len(r.got))
	for _, e := range r.got {
		id, _ := e["operation_id"].(string)
		if id == "" {
			id, _ = e["bulk"].(string)
		}
		all = append(all, strings.TrimSuffix(fmt.Sprint(e["event"], " ", id), " "))
	}
	return all
}
