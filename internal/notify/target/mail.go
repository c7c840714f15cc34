package target

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
)

func (a Address) checkMail(u *url.URL) error {
	switch {
	case u.Scheme != "smtp" && u.Scheme != "smtps" || u.Path != "" || u.RawQuery != "":
		return errors.New("its url is not one such as smtp://mail.example.com:587 (STARTTLS) or smtps://mail.example.com:465")
	case u.Port() == "":
		return errors.New("its url has no port, such as smtp://mail.example.com:587")
	case len(a.To) == 0:
		return errors.New("it has no to: the addresses that get its mail")
	case (a.User == "") != (a.Secret == ""):
		return errors.New("user and secret_file go together")
	case a.AllowPlain && u.Scheme == "smtps":
		return errors.New("allow_plain is for smtp:// alone")
	case a.AllowPlain && a.User != "":
		return errors.New("allow_plain would send the password in the open: leave user and secret_file out")
	}
	for _, address := range append([]string{a.From}, a.To...) {
		if parsed, err := netmail.ParseAddress(address); err != nil || strings.ContainsAny(parsed.Address, "\r\n") {
			return fmt.Errorf("%q is not an address of mail", address)
		}
	}
	return nil
}

// mail sends a message by SMTP.
func (a Address) mail(ctx context.Context, m Message, now time.Time) error {
	u, err := url.Parse(a.URL)
	if err != nil {
		return &Error{Text: "the url is wrong"}
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		return &Error{Text: "the url has no port"}
	}
	options := []mail.Option{mail.WithPort(port), mail.WithTimeout(Timeout), mail.WithoutNoop(),
		mail.WithDialContextFunc(a.dialMail(ctx, u)), mail.WithTLSPolicy(mail.TLSMandatory),
		mail.WithTLSConfig(a.tls(u.Hostname()))}
	if u.Scheme == "smtps" || a.AllowPlain {
		// Of smtps:// dialMail has TLS; WithSSL would take such a connection for a plain one.
		options = append(options, mail.WithTLSPolicy(mail.TLSOpportunistic))
	}
	if a.User != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(a.User),
			mail.WithPassword(a.Secret))
	}
	client, err := mail.NewClient(u.Hostname(), options...)
	if err != nil {
		return fmt.Errorf("prepare SMTP: %w", err)
	}
	letter, err := a.letter(m, now, a.To...)
	if err != nil {
		return fmt.Errorf("write the mail: %w", err)
	}
	err = client.DialAndSendWithContext(ctx, letter)
	failed, ok := errors.AsType[*mail.SendError](err)
	if ok && failed.Reason == mail.ErrSMTPRcptTo && len(a.To) > 1 {
		return a.mailEach(ctx, client, m, now)
	}
	if err != nil {
		return a.explainMail(err)
	}
	return nil
}

// dialMail connects, for as long as the whole attempt may take: the library waits that long for each of its steps.
func (a Address) dialMail(whole context.Context, u *url.URL) mail.DialContextFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := a.dialer().DialContext(ctx, network, address)
		if err != nil {
			return nil, fmt.Errorf("connect to the mail server: %w", err)
		}
		if until, ok := whole.Deadline(); ok {
			conn = timelyConn{conn, until}
		}
		if u.Scheme != "smtps" {
			return conn, nil
		}
		secure := tls.Client(conn, a.tls(u.Hostname()))
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		return secure, nil
	}
}

// timelyConn is a connection that nothing is waited for after until.
type timelyConn struct {
	net.Conn
	until time.Time
}

// SetDeadline implements net.Conn.
func (c timelyConn) SetDeadline(t time.Time) error {
	if t.IsZero() || t.After(c.until) {
		t = c.until
	}
	return c.Conn.SetDeadline(t)
}

// mailEach sends a letter to each address: a server that refuses one of them takes none of a letter to all.
func (a Address) mailEach(ctx context.Context, client *mail.Client, m Message, now time.Time) error {
	letters := make([]*mail.Msg, len(a.To))
	for i, to := range a.To {
		var err error
		if letters[i], err = a.letter(m, now, to); err != nil {
			return fmt.Errorf("write the mail: %w", err)
		}
	}
	err := client.DialAndSendWithContext(ctx, letters...)
	if err == nil {
		return nil
	}
	var refused, waits []error
	var later []string
	for i, letter := range letters {
		switch failed, _ := errors.AsType[*mail.SendError](letter.SendError()); {
		case letter.IsDelivered():
		case failed != nil && !failed.IsTemp() && failed.ErrorCode() >= 500:
			refused = append(refused, failed)
		case failed != nil:
			waits, later = append(waits, failed), append(later, a.To[i])
		default: // the connection broke before its turn
			waits, later = append(waits, err), append(later, a.To[i])
		}
	}
	if len(refused)+len(waits) == len(letters) {
		return a.explainMail(errors.Join(append(waits, refused...)...)) // what may be taken later counts
	}
	e := a.explainMail(errors.Join(append(refused, waits...)...))
	e = &Error{Text: fmt.Sprintf("the others have got it: %s", e.Text), Partly: true, Refused: len(refused) > 0,
		Later: later, Do: e.Do}
	if e.Refused {
		e.Do = "take the address out of its to, or have the mailbox made"
	}
	return e
}

// explainMail tells mail that will never be taken from what may be taken later.
func (a Address) explainMail(err error) *Error {
	if private, ok := errors.AsType[*Error](err); ok {
		return private
	}
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		e := &Error{Text: noAnswer, Do: remedy(context.DeadlineExceeded)}
		if strings.HasPrefix(a.URL, "smtp:") {
			e.Do = "a port that begins with TLS, such as 465, waits for it: use smtps:// there; otherwise " + e.Do
		}
		return e
	}
	e := &Error{Text: strings.Join(strings.Fields(err.Error()), " "), Do: remedy(err)}
	if failed, ok := errors.AsType[*mail.SendError](err); ok {
		e.Refused = !failed.IsTemp() && failed.ErrorCode() >= 500
	}
	if said := mailRemedy(e.Text, e.Refused); said != "" {
		e.Do = said
	}
	return e
}

// mailRemedy says what to do about what a mail server says; the library has no values for most of it.
func mailRemedy(text string, refused bool) string {
	switch {
	case strings.Contains(text, "does not support STARTTLS"):
		return "use smtps:// and its port for TLS, such as 465; allow_plain sends without TLS in your own network"
	case strings.Contains(text, "was not able to detect a supported authentication mechanism"):
		return "it offers no sign-in with a password: leave user and secret_file out, or ask whoever runs it"
	case strings.Contains(text, "SMTP AUTH failed"):
		return "it doesn't take user and password: check user and secret_file"
	case strings.Contains(text, `: 530 "`):
		return "it wants a sign-in: give user and secret_file"
	case refused:
		return "it refuses the mail in the words above: check from and to, and whether it takes mail from this machine"
	case strings.Contains(text, `: 4`):
		return "it can't take the mail now: try again later, or ask whoever runs it"
	}
	return ""
}

// letter is the mail itself to some addresses: text alone, with one link.
func (a Address) letter(m Message, now time.Time, to ...string) (*mail.Msg, error) {
	letter := mail.NewMsg()
	err := errors.Join(letter.From(a.From), letter.To(to...))
	letter.Subject(strings.Join(strings.Fields(m.Title), " "))
	letter.SetDateWithValue(now)
	if from, parsed := netmail.ParseAddress(a.From); parsed == nil {
		_, host, _ := strings.Cut(from.Address, "@")
		letter.SetMessageIDWithValue(m.ID + "@" + host)
	}
	letter.SetGenHeader("Auto-Submitted", "auto-generated")
	var b strings.Builder
	b.WriteString(m.Title + "\n\n")
	for _, l := range m.Lines {
		b.WriteString(l.Label + unlinked(l.Value) + "\n")
	}
	if m.Link != "" {
		b.WriteString("\n" + m.LinkText + ": " + m.Link + "\n")
	}
	letter.SetBodyString(mail.TypeTextPlain, b.String())
	return letter, err
}
