package notify_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/internal/notify"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/templates"
)

// mailbox is a server of SMTP that keeps what it gets: the recipient, and the subject.
type mailbox struct {
	mu   sync.Mutex
	got  []string
	host string
	busy bool // takes nothing for busy@ for now
}

type delivery struct {
	to  string
	box *mailbox
}

func (b *mailbox) NewSession(*smtp.Conn) (smtp.Session, error) { return &delivery{box: b}, nil }
func (d *delivery) Mail(string, *smtp.MailOptions) error       { return nil }
func (d *delivery) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "gone@") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
	}
	d.box.mu.Lock()
	defer d.box.mu.Unlock()
	if d.box.busy && strings.HasPrefix(to, "busy@") {
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "greylisted"}
	}
	d.to = to
	return nil
}
func (d *delivery) Reset()        {}
func (d *delivery) Logout() error { return nil }
func (d *delivery) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	d.box.mu.Lock()
	defer d.box.mu.Unlock()
	for line := range strings.Lines(string(text)) {
		if subject, ok := strings.CutPrefix(line, "Subject: "); ok {
			d.box.got = append(d.box.got, d.to+" "+strings.TrimSpace(subject))
		}
	}
	return err
}

// taken is what has come since it was called last.
func (b *mailbox) taken() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	got := b.got
	b.got = nil
	slices.Sort(got)
	return got
}

func openMailbox(t *testing.T) *mailbox {
	t.Helper()
	b := &mailbox{}
	server := smtp.NewServer(b)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.host = listener.Addr().String()
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return b
}

func (d *desk) people(b *mailbox, routes string) {
	d.write("notices.json", fmt.Sprintf(`{"targets": [{"name": "people", "kind": "mail", "url": "smtp://%s", "allow_private": true, "allow_plain": true,
		"from": "console@example.com", "people": {"acme/dora": "dora@db.example.com", "acme/*": "*@example.com"}}], "routes": [%s]}`, b.host, routes))
}

// choose posts the form of somebody's own notices, and gives the answer's status.
func (d *desk) choose(n *notify.Notifier, who audit.Actor, form url.Values) (int, templates.Notices) {
	d.Helper()
	r := httptest.NewRequestWithContext(d.Context(), http.MethodPost, "/notices", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var page templates.Notices
	status, _, err := n.Answer(r, who, &page, http.StatusOK)
	if err != nil {
		d.Fatal(err)
	}
	return status, page
}

func (d *desk) signsIn(who audit.Actor) {
	d.Helper()
	d.append(audit.Record{Action: audit.ActionSessionSignedIn, Outcome: audit.OutcomeSucceeded, Actor: who})
}

// TestOneMailboxBusy: what a mailbox can't take for now reaches it later, once. The others have it, once, and wait for
// nothing.
func TestOneMailboxBusy(t *testing.T) {
	d, b := newDesk(t, t.TempDir()), openMailbox(t)
	b.busy = true
	d.write("notices.json", fmt.Sprintf(`{"targets": [{"name": "mail", "kind": "mail", "url": "smtp://%s", "allow_private": true, "allow_plain": true,
		"from": "console@example.com", "to": ["ops@example.com", "Busy <busy@example.com>"]}],
		"routes": [{"events": ["operation.*"], "targets": ["mail"]}]}`, b.host))
	n := d.started()
	for _, id := range []string{"op1", "op2"} {
		d.append(record(audit.ActionOperationUnknown, "otto", id, operate.Detail{}))
	}
	for range 3 {
		d.look(n)
		d.step(time.Second)
	}
	if got := b.taken(); len(got) != 2 || !strings.HasPrefix(got[0], "ops@") || !strings.HasPrefix(got[1], "ops@") {
		t.Errorf("while one is busy: %q", got)
	}
	b.mu.Lock()
	b.busy = false
	b.mu.Unlock()
	n = d.started() // of another process
	for range 3 {
		d.step(time.Hour)
		d.look(n)
	}
	if got := b.taken(); len(got) != 2 || !strings.HasPrefix(got[0], "busy@") || !strings.HasPrefix(got[1], "busy@") {
		t.Errorf("afterwards: %q", got)
	}
	if found := failures(d); len(found) != 0 {
		t.Errorf("the log has %v", found)
	}
}

// TestOneMailboxGone: the others of a target get their mail, once; the log has who doesn't.
func TestOneMailboxGone(t *testing.T) {
	d, b := newDesk(t, t.TempDir()), openMailbox(t)
	d.write("notices.json", fmt.Sprintf(`{"targets": [{"name": "mail", "kind": "mail", "url": "smtp://%s", "allow_private": true, "allow_plain": true,
		"from": "console@example.com", "to": ["ops@example.com", "gone@example.com", "night@example.com"]}],
		"routes": [{"events": ["operation.*"], "targets": ["mail"]}]}`, b.host))
	n := d.started()
	d.append(record(audit.ActionOperationUnknown, "otto", "op1", operate.Detail{}))
	for range 3 {
		d.look(n)
		d.step(time.Hour)
	}
	got := b.taken()
	if len(got) != 2 || !strings.HasPrefix(got[0], "night@") || !strings.HasPrefix(got[1], "ops@") {
		t.Errorf("it got %q", got)
	}
	found := failures(d)
	if len(found) != 1 || found[0].Target != "mail" || !strings.Contains(operate.ParseDetail(found[0].Detail).Error, "gone@example.com") {
		t.Errorf("the records are %+v", found)
	}
	if s, err := n.Status(t.Context()); err != nil || len(s.Dead) != 0 || s.Targets[0].Waiting != 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestPeopleChoose: each gets by mail what they have chosen, at the address of the file, for as long as they sign in.
func TestPeopleChoose(t *testing.T) {
	engines(t, func(d *desk) {
		b := openMailbox(d.T)
		d.people(b, "")
		n := d.started()
		tell := func(want ...string) {
			d.Helper()
			d.look(n)
			if diff := cmp.Diff(want, b.taken()); diff != "" {
				d.Errorf("mail: %s", diff)
			}
		}
		requested := record(audit.ActionApprovalRequested, "otto", "op-1", operate.Detail{})
		d.append(requested, record(audit.ActionApprovalGranted, "max", "op-1", operate.Detail{}))
		tell() // nobody has chosen anything

		mine := url.Values{"own": {"save"}, "asked": {"1"}}
		for _, name := range []string{"otto", "dora", "strange name"} {
			if status, page := d.choose(n, person(name), mine); status != http.StatusSeeOther {
				d.Fatalf("%s: status %d, %+v", name, status, page.Own)
			}
		}
		d.append(record(audit.ActionApprovalRequested, "otto", "op-2", operate.Detail{}),
			record(audit.ActionApprovalGranted, "max", "op-2", operate.Detail{}),
			record(audit.ActionApprovalRequested, "strange name", "op-3", operate.Detail{}),
			record(audit.ActionApprovalGranted, "max", "op-3", operate.Detail{}))
		tell("otto@example.com Approved: nginx_reload")

		d.choose(n, person("dora"), url.Values{"own": {"save"}, "teams": {"1"}})
		d.append(record(audit.ActionApprovalRequested, "dora", "op-4", operate.Detail{})) // her own request
		tell()
		d.write("directory.json", `{"teams": {"web": ["acme/otto"], "db": ["acme/dora", "acme/otto"]}, "roles": {}}`)
		if _, err := d.rules.Check(); err != nil {
			d.Fatal(err)
		}
		d.append(record(audit.ActionApprovalRequested, "otto", "op-5", operate.Detail{}))
		tell("dora@db.example.com Approval needed: nginx_reload")

		quiet := url.Values{"own": {"save"}, "teams": {"1"}, "quiet_from": {"11:00"}, "quiet_to": {"13:00"}}
		d.choose(n, person("dora"), quiet)
		d.append(record(audit.ActionApprovalRequested, "otto", "op-6", operate.Detail{}),
			record(audit.ActionOperationUnknown, "otto", "op-6", operate.Detail{}))
		tell("dora@db.example.com Result of an operation unknown: nginx_reload",
			"otto@example.com Result of an operation unknown: nginx_reload")

		d.step(29 * 24 * time.Hour)
		d.signsIn(person("dora"))
		d.look(n)
		d.step(2 * 24 * time.Hour) // dora has signed in within 30 days, otto not
		d.append(record(audit.ActionApprovalRequested, "otto", "op-7", operate.Detail{}),
			record(audit.ActionOperationUnknown, "otto", "op-7", operate.Detail{}))
		tell("dora@db.example.com Result of an operation unknown: nginx_reload")
		counts, err := n.Counts(d.Context())
		if err != nil || len(counts) != 1 || counts["people"].Waiting != 0 {
			d.Errorf("%v: targets %v", err, counts)
		}
	})
}

// TestPeopleInGroups: teams by groups of the company's provider are those of the last sign-in or renewal.
func TestPeopleInGroups(t *testing.T) {
	engines(t, func(d *desk) {
		d.write("directory.json", `{"teams": {"db": ["group:databases", "acme/otto"]}, "roles": {}}`)
		if _, err := d.rules.Check(); err != nil {
			d.Fatal(err)
		}
		b := openMailbox(d.T)
		d.people(b, "")
		n := d.started()
		d.choose(n, person("lena"), url.Values{"own": {"save"}, "teams": {"1"}})
		in := func(action audit.Action, groups string) {
			who := person("lena")
			who.Groups = groups
			d.append(audit.Record{Action: action, Outcome: audit.OutcomeSucceeded, Actor: who})
			d.step(time.Minute)
		}
		for i, step := range []struct {
			action audit.Action
			groups string
			hears  bool
		}{{audit.ActionSessionSignedIn, "databases", true}, {audit.ActionSessionRegrouped, "others", false},
			{audit.ActionSessionSignedIn, "databases", true}} {
			in(step.action, step.groups)
			d.append(record(audit.ActionApprovalRequested, "otto", fmt.Sprint("op-", i), operate.Detail{}))
			d.look(n)
			if got := b.taken(); (len(got) == 1) != step.hears {
				d.Errorf("in %s she hears %v", step.groups, got)
			}
		}
	})
}

// TestPeopleSeeTickets: whoever created a ticket hears that it needs attention, unless the policies hide it from them.
func TestPeopleSeeTickets(t *testing.T) {
	engines(t, func(d *desk) {
		var now []notify.AttentionTicket
		d.attention = func(context.Context) (notify.Attention, error) {
			return notify.Attention{Account: "acme", All: true, Tickets: now}, nil
		}
		b := openMailbox(d.T)
		d.people(b, "")
		n := d.started()
		d.choose(n, person("otto"), url.Values{"own": {"save"}, "tickets": {"1"}})
		tell := func(id string, want ...string) {
			d.Helper()
			now = []notify.AttentionTicket{{ID: id, Name: "reload", Creator: "otto"}}
			d.step(time.Minute)
			d.look(n) // asks
			d.look(n) // tells
			if diff := cmp.Diff(want, b.taken()); diff != "" {
				d.Errorf("mail: %s", diff)
			}
		}
		tell("SCT1", "otto@example.com Ticket needs attention: reload")
		d.write("hidden.cedar", `@id("all") permit (principal, action, resource);
			@id("hidden") forbid (principal, action == Action::"view", resource);`)
		var err error
		if d.rules, err = policy.Open(policy.Files{Policy: filepath.Join(d.folder, "hidden.cedar")}, slog.New(slog.DiscardHandler)); err != nil {
			d.Fatal(err)
		}
		n = d.console()
		tell("SCT2")
	})
}

// TestTestOfPeople: a manager's test of the target goes to its own from, however many people the file has.
func TestTestOfPeople(t *testing.T) {
	for _, people := range []string{`{"acme/*": "*@example.com"}`, `{"acme/dora": "dora@example.com"}`, `{"acme/dora": "dora@example.com", "acme/*": "*@example.com"}`} {
		d := newDesk(t, audittest.Fresh(t, audittest.SQLite))
		b := openMailbox(t)
		d.write("notices.json", fmt.Sprintf(`{"targets": [{"name": "people", "kind": "mail", "url": "smtp://%s", "allow_private": true,
			"allow_plain": true, "from": "console@example.com", "people": %s}], "routes": []}`, b.host, people))
		if err := d.console().SendTest(t.Context(), "people", "acme/max"); err != nil {
			t.Fatal(err)
		}
		if got := b.taken(); len(got) != 1 || !strings.HasPrefix(got[0], "console@example.com ") {
			t.Errorf("%s: the test went as %v", people, got)
		}
	}
}

// TestPeopleForms: what is wrong is said beside the form, which keeps what was typed; and whoever has no address hears so.
func TestPeopleForms(t *testing.T) {
	engines(t, func(d *desk) {
		b := openMailbox(d.T)
		d.people(b, "")
		n := d.started()
		status, page := d.choose(n, person("otto"), url.Values{"own": {"save"}, "asked": {"1"}, "quiet_from": {"22:00"}})
		if status != http.StatusUnprocessableEntity || page.Own == nil || page.Own.Problem == "" || page.Own.From != "22:00" || !page.Own.Asked {
			d.Errorf("status %d: %+v", status, page.Own)
		}
		if page.Own.Address != "otto@example.com" {
			d.Errorf("the address is %q", page.Own.Address)
		}
		if status, page := d.choose(n, person("strange name"), url.Values{"own": {"test"}}); status != http.StatusNotFound || len(page.Notices) != 1 {
			d.Errorf("status %d: %+v", status, page.Notices)
		}
		if status, _ := d.choose(n, person("otto"), url.Values{"own": {"test"}}); status != http.StatusSeeOther {
			d.Errorf("test: status %d", status)
		}
		if got := b.taken(); len(got) != 1 || !strings.HasPrefix(got[0], "otto@example.com Test message") {
			d.Errorf("test: %v", got)
		}
		for form, want := range map[string]int{"test=people": http.StatusForbidden, "again=1": http.StatusForbidden} {
			values, err := url.ParseQuery(form)
			if err != nil {
				d.Fatal(err)
			}
			if status, _ := d.choose(n, person("otto"), values); status != want {
				d.Errorf("%s by somebody who is no manager: status %d", form, status)
			}
		}
	})
}
