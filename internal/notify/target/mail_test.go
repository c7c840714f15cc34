package target_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"coc-console/internal/notify/target"
)

// postOffice is a server of SMTP that keeps what it gets.
type postOffice struct {
	mu      sync.Mutex
	refuse  *smtp.SMTPError
	unknown string // a mailbox that is not there; empty: all are
	busy    string // a mailbox that takes nothing for now
	letters []string
	tls     []bool
	roots   *x509.CertPool
	address string
	config  *tls.Config
}

type visit struct {
	at *postOffice
	on *smtp.Conn
	by string
}

func (o *postOffice) NewSession(c *smtp.Conn) (smtp.Session, error) { return &visit{at: o, on: c}, nil }

func (v *visit) AuthMechanisms() []string { return []string{sasl.Plain} }
func (v *visit) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "console" || password != "canary-password" {
			return errors.New("wrong password")
		}
		v.by = user
		return nil
	}), nil
}
func (v *visit) Mail(string, *smtp.MailOptions) error { return nil }
func (v *visit) Rcpt(to string, _ *smtp.RcptOptions) error {
	if to == v.at.unknown {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
	}
	if to == v.at.busy {
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "greylisted"}
	}
	if v.at.refuse != nil {
		return v.at.refuse
	}
	return nil
}
func (v *visit) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	v.at.mu.Lock()
	defer v.at.mu.Unlock()
	_, secure := v.on.TLSConnectionState()
	v.at.letters, v.at.tls = append(v.at.letters, v.by+"\n"+string(text)), append(v.at.tls, secure)
	return err
}
func (v *visit) Reset()        {}
func (v *visit) Logout() error { return nil }

// open starts a server; its certificate is for example.com.
func open(t *testing.T, withTLS bool) *postOffice {
	t.Helper()
	o := &postOffice{roots: x509.NewCertPool()}
	server := smtp.NewServer(o)
	server.Domain, server.AllowInsecureAuth = "mail.example.com", !withTLS
	if withTLS {
		web := httptest.NewTLSServer(nil)
		o.config = &tls.Config{Certificates: web.TLS.Certificates}
		server.TLSConfig = o.config
		o.roots.AddCert(web.Certificate())
		web.Close()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.address = l.Addr().String()
	var served sync.WaitGroup
	served.Go(func() { _ = server.Serve(l) })
	t.Cleanup(func() { _ = server.Close(); served.Wait() })
	return o
}

func TestMail(t *testing.T) {
	o := open(t, true)
	a := target.Address{Kind: target.Mail, URL: "smtp://" + o.address, AllowPrivate: true, Roots: o.roots, User: "console",
		Secret: "canary-password", From: "COC console <coc@example.com>", To: []string{"ops@example.com", "Night <night@example.com>"}}
	if err := a.Check(); err != nil {
		t.Fatal(err)
	}
	m := message()
	m.Title = "审批\r\nBcc: everybody@example.com"
	if err := a.Send(t.Context(), m, time.Now()); err != nil {
		t.Fatal(err)
	}
	if len(o.letters) != 1 || !o.tls[0] {
		t.Fatalf("%d letters, over TLS: %v", len(o.letters), o.tls)
	}
	by, text, _ := strings.Cut(o.letters[0], "\n")
	letter, err := netmail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(letter.Body)
	if err != nil {
		t.Fatal(err)
	}
	if by != "console" || letter.Header.Get("Bcc") != "" || !strings.Contains(letter.Header.Get("To"), "night@example.com") ||
		letter.Header.Get("Message-ID") != "<coc_1_2_approval-waiting@example.com>" || !strings.Contains(string(body), "https://ops.example.com/approvals/1") {
		t.Errorf("by %q\n%s", by, text)
	}

	a.Secret = "canary-password-wrong"
	if err := a.Send(t.Context(), m, time.Now()); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("with a wrong password: %v", err)
	}
	a.Secret, a.Roots = "canary-password", nil
	if err := a.Send(t.Context(), m, time.Now()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("with a certificate of nobody: %v", err)
	}
	a.AllowPrivate = false
	if err := a.Send(t.Context(), m, time.Now()); err == nil || !strings.Contains(err.Error(), "not of the public internet") {
		t.Errorf("a private address: %v", err)
	}
	a.AllowPrivate, a.Roots = true, o.roots
	for code, refused := range map[int]bool{550: true, 451: false} {
		o.refuse = &smtp.SMTPError{Code: code, Message: "no such mailbox"}
		failed, ok := errors.AsType[*target.Error](a.Send(t.Context(), m, time.Now()))
		if !ok || failed.Refused != refused || !strings.Contains(failed.Text, "no such mailbox") {
			t.Errorf("after %d: %+v", code, failed)
		}
	}
	if len(o.letters) != 1 {
		t.Errorf("%d letters", len(o.letters))
	}
}

// TestMailOverTLS: smtps:// speaks TLS from the first byte, and never in the clear.
func TestMailOverTLS(t *testing.T) {
	o := open(t, true)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(o)
	var served sync.WaitGroup
	served.Go(func() { _ = server.Serve(tls.NewListener(l, o.config)) })
	t.Cleanup(func() { _ = server.Close(); served.Wait() })
	a := target.Address{Kind: target.Mail, URL: "smtps://" + l.Addr().String(), AllowPrivate: true, Roots: o.roots, User: "console",
		Secret: "canary-password", From: "coc@example.com", To: []string{"ops@example.com"}}
	if err := a.Send(t.Context(), message(), time.Now()); err != nil || len(o.letters) != 1 || !o.tls[0] {
		t.Errorf("got %v, %d letters over TLS: %v", err, len(o.letters), o.tls)
	}
	a.Roots = nil
	if err := a.Send(t.Context(), message(), time.Now()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("with a certificate of nobody: %v", err)
	}
	a.URL, a.User, a.Secret = "smtps://"+o.address, "", "" // begins in the clear
	if err := a.Send(t.Context(), message(), time.Now()); err == nil || len(o.letters) != 1 {
		t.Errorf("without TLS: %v, %d letters", err, len(o.letters))
	}
	a.AllowPrivate = false
	if err := a.Send(t.Context(), message(), time.Now()); err == nil || !strings.Contains(err.Error(), "not of the public internet") {
		t.Errorf("a private address: %v", err)
	}
}

// TestMailServerThatNeverAnswers: one that takes the connection and says nothing, as one that waits for TLS does, is
// told as such, at each of the ways in.
func TestMailServerThatNeverAnswers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // whose backlog takes connections
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	for scheme, says := range map[string]string{"smtp": "use smtps://", "smtps": "a firewall may drop"} {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		a := target.Address{Kind: target.Mail, URL: scheme + "://" + l.Addr().String(), AllowPrivate: true, From: "coc@example.com", To: []string{"ops@example.com"}}
		failed, ok := errors.AsType[*target.Error](a.Send(ctx, message(), time.Now()))
		cancel()
		if !ok || failed.Text != fmt.Sprintf("no answer within %v", target.Timeout) || !strings.Contains(failed.Do, says) || failed.Refused {
			t.Errorf("%s: %+v", scheme, failed)
		}
	}
}

// TestMailRemedies: what a mail server says is told with what to do about it.
func TestMailRemedies(t *testing.T) {
	refuse := func(code int) func(*postOffice, *target.Address) {
		return func(o *postOffice, _ *target.Address) { o.refuse = &smtp.SMTPError{Code: code, Message: "no"} }
	}
	for want, tt := range map[string]struct {
		withTLS bool
		change  func(*postOffice, *target.Address)
	}{
		"use smtps://":                   {false, func(*postOffice, *target.Address) {}},
		"check user and secret_file":     {true, func(_ *postOffice, a *target.Address) { a.User, a.Secret = "console", "canary-wrong" }},
		"give user and secret_file":      {true, refuse(530)},
		"check from and to":              {true, refuse(553)},
		"it can't take the mail now":     {true, refuse(452)},
		"name the certificate":           {true, func(_ *postOffice, a *target.Address) { a.Roots = nil }},
		"check the port in its url":      {true, func(_ *postOffice, a *target.Address) { a.URL = "smtp://127.0.0.1:1" }},
		"doesn't speak TLS: check the s": {true, func(o *postOffice, a *target.Address) { a.URL = "smtps://" + o.address }},
	} {
		o := open(t, tt.withTLS)
		a := target.Address{Kind: target.Mail, URL: "smtp://" + o.address, AllowPrivate: true, Roots: o.roots, From: "coc@example.com", To: []string{"ops@example.com"}}
		tt.change(o, &a)
		failed, ok := errors.AsType[*target.Error](a.Send(t.Context(), message(), time.Now()))
		if !ok || !strings.Contains(failed.Do, want) || strings.Contains(failed.Error()+failed.Do, "canary") {
			t.Errorf("%s: %+v", want, failed)
		}
	}
}

// TestOneMailboxGone: the others get their mail, and the error says who doesn't.
func TestOneMailboxGone(t *testing.T) {
	o := open(t, true)
	a := target.Address{Kind: target.Mail, URL: "smtp://" + o.address, AllowPrivate: true, Roots: o.roots, User: "console",
		Secret: "canary-password", From: "coc@example.com", To: []string{"ops@example.com", "Gone <gone@example.com>", "night@example.com"}}
	o.unknown = "gone@example.com"
	failed, ok := errors.AsType[*target.Error](a.Send(t.Context(), message(), time.Now()))
	if !ok || !failed.Partly || !strings.Contains(failed.Text, "gone@example.com") || strings.Contains(failed.Text, "ops@") ||
		!strings.Contains(failed.Text, "no such mailbox") || failed.Do == "" {
		t.Errorf("got %+v", failed)
	}
	if len(o.letters) != 2 || !strings.Contains(o.letters[0], "ops@example.com") || !strings.Contains(o.letters[1], "night@example.com") {
		t.Errorf("%d letters: %q", len(o.letters), o.letters)
	}
	a.To = []string{"gone@example.com"}
	if failed, ok := errors.AsType[*target.Error](a.Send(t.Context(), message(), time.Now())); !ok || failed.Partly || !failed.Refused {
		t.Errorf("nobody is left: %+v", failed)
	}
}

// TestOneMailboxBusy: the others get their mail at once, and the error says who may take it later.
func TestOneMailboxBusy(t *testing.T) {
	o := open(t, true)
	a := target.Address{Kind: target.Mail, URL: "smtp://" + o.address, AllowPrivate: true, Roots: o.roots,
		From: "coc@example.com", To: []string{"ops@example.com", "Busy <busy@example.com>", "night@example.com"}}
	o.busy = "busy@example.com"
	send := func() *target.Error {
		failed, _ := errors.AsType[*target.Error](a.Send(t.Context(), message(), time.Now()))
		return failed
	}
	if e := send(); e == nil || !e.Partly || e.Refused || strings.Join(e.Later, "|") != "Busy <busy@example.com>" || e.Do == "" || len(o.letters) != 2 {
		t.Errorf("got %+v, %d letters", e, len(o.letters))
	}
	o.unknown = "night@example.com"
	if e := send(); e == nil || !e.Partly || !e.Refused || len(e.Later) != 1 || len(o.letters) != 3 {
		t.Errorf("with one that is gone: %+v, %d letters", e, len(o.letters))
	}
	a.To = []string{"night@example.com", "busy@example.com"}
	if e := send(); e == nil || e.Partly || e.Refused || len(o.letters) != 3 {
		t.Errorf("nobody has got it, and one may: %+v, %d letters", e, len(o.letters))
	}
}

// TestMailNeedsTLS: without STARTTLS nothing is sent, unless that is allowed.
func TestMailNeedsTLS(t *testing.T) {
	o := open(t, false)
	a := target.Address{Kind: target.Mail, URL: "smtp://" + o.address, AllowPrivate: true, From: "coc@example.com", To: []string{"ops@example.com"}}
	if err := a.Send(t.Context(), message(), time.Now()); err == nil || len(o.letters) != 0 {
		t.Errorf("without TLS: %v, %d letters", err, len(o.letters))
	}
	a.AllowPlain = true
	if err := a.Send(t.Context(), message(), time.Now()); err != nil || len(o.letters) != 1 {
		t.Errorf("with allow_plain: %v, %d letters", err, len(o.letters))
	}
}
