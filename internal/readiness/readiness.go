// Package readiness says, line by line, whether a console can apply operations: the answer of /readyz. Anybody who
// reaches the console may ask, so that it tells no cause with a path or an address in it.
package readiness

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"coc-console/audit"
	"coc-console/internal/clock"
	"coc-console/internal/upstream"
)

// Service is IAM or COC, as its client knows it.
type Service interface {
	Health(ctx context.Context) upstream.Status
}

// Operations is what the operations know of themselves.
type Operations interface {
	Unwritten() bool // an answer is not in the log yet
	Forged() int     // rows that no console has written
	Resuming() bool  // what an earlier process left open is still being taken up
}

// Console is what is looked at. All fields but Clocks are required.
type Console struct {
	Log        *audit.Log
	Operations Operations
	IAM, COC   Service
	Clocks     *clock.Monitor // nil: nobody compares clocks
	Streams    *Streams
	// Certificate tells when the one that the console serves ends, zero while there is none, and whether that is soon;
	// nil: it serves none.
	Certificate func() (end time.Time, soon bool)
	Logger      *slog.Logger
	Now         func() time.Time
}

// Report says whether this console can apply operations, and line by line what
// was looked at, with warnings of what may come. That IAM or COC can't be
// reached is a warning: it is so for every console, and each must go on to show
// its log.
func (c *Console) Report(ctx context.Context) (lines string, ready bool) {
	failed := c.Log.Ready(ctx) // first: it may end a failure, of which there is no warning then
	if failed != nil {
		c.Logger.Warn("not ready", "error", failed)
	}
	now := map[string]bool{unwritten: c.Operations.Unwritten(), forged: c.Operations.Forged() > 0,
		resuming: c.Operations.Resuming()}
	more := map[string]string{clockOff: c.skewLine(), heldBack: c.Streams.line()}
	now[clockOff], now[heldBack] = more[clockOff] != "", more[heldBack] != ""
	for _, w := range c.Log.Health(ctx) {
		if now[w.Kind] = true; !w.Since.IsZero() {
			more[w.Kind] = ", pending since " + w.Since.UTC().Format(time.RFC3339)
		}
	}
	lines, ready = c.describeChecks(now, more)
	return lines + c.describeCertificate() + describeServices(c.services(ctx), c.Now()), ready && failed == nil
}

// check is one line of the report: what is looked at, and the warnings that
// concern it. Stops are those with which no operation can be applied.
type check struct {
	name            string
	stops, warnings []string
}

// checks are in the order in which the report tells them.
var checks = []check{
	{"records", []string{audit.WarningFailing, audit.WarningReadOnly, audit.WarningFull}, nil},
	{"answers", []string{unwritten}, nil},
	{"operations", nil, []string{resuming}},
	{"space", []string{audit.WarningReserve}, []string{audit.WarningLowSpace}},
	{"commits", []string{audit.WarningPending}, []string{audit.WarningSlow}},
	{"journal", nil, []string{audit.WarningJournal}},
	{"checkpoint", nil, []string{audit.WarningUnsigned}},
	{"anchors", nil, []string{audit.WarningUnanchored}},
	{"search", nil, []string{audit.WarningBehind}},
	{"rows", nil, []string{forged}},
	{"clock", nil, []string{clockOff}},
	{"streams", nil, []string{heldBack}},
	{"verification", nil, []string{audit.WarningFindings, audit.WarningUnverified}},
}

// unwritten is what stops operations besides the log's own warnings; forged
// warns of rows that no console has written, resuming of a start that is not done.
const (
	unwritten = "unwritten"
	forged    = "forged"
	resuming  = "resuming"
)

// Warnings that are not the log's own.
const (
	clockOff = "clock_off"
	heldBack = "streams_held_back"
)

// meanings say what a warning means. Anybody may ask, so the causes, with
// paths and addresses in them, are left to the console's own log.
var meanings = map[string]string{
	audit.WarningFailing:    "the log did not take its last record",
	audit.WarningReadOnly:   "the log cannot be written",
	audit.WarningFull:       "the log has no space left",
	audit.WarningReserve:    "so little space is left that operations are refused",
	audit.WarningPending:    "a commit is under way for more than 2 s",
	audit.WarningLowSpace:   "little space is left, or it is not known how much",
	audit.WarningSlow:       "one commit of a hundred takes 100 ms or more",
	audit.WarningJournal:    "much of what was written is not copied into the database's file",
	audit.WarningUnsigned:   "the last checkpoint could not be signed",
	audit.WarningUnanchored: "an anchor did not take the last checkpoint",
	audit.WarningBehind:     "the search tables do not keep up with the log",
	audit.WarningFindings:   "verification has found changes in the log",
	audit.WarningUnverified: "the last verification could not be done",
	forged:                  "the database holds requests that no console has written; they were not carried out",
	clockOff:                "this machine's clock differs from another by 2 s or more",
	heldBack:                "something between browsers and the console, such as a proxy that buffers, holds back what is live; pages ask every 10 s instead",
	resuming:                "operations that an earlier process left open are still being taken up",
	unwritten:               "the answer to an operation is not in the log yet",
}

// describeChecks writes a line for each check, with what else there is to say
// of a warning, and reports whether none stops.
func (c *Console) describeChecks(now map[string]bool, more map[string]string) (lines string, ready bool) {
	var b strings.Builder
	ready = true
	for _, check := range checks {
		if check.name == "clock" && c.Clocks == nil {
			continue
		}
		fine := true
		tell := func(word string, kinds []string) {
			for _, kind := range kinds {
				if now[kind] {
					fine = false
					fmt.Fprintf(&b, "%s: %s %s: %s%s\n", check.name, word, kind, meanings[kind], more[kind])
				}
			}
		}
		tell("stopped", check.stops)
		ready = ready && fine
		tell("warning", check.warnings)
		if fine {
			fmt.Fprintf(&b, "%s: ok\n", check.name)
		}
	}
	return b.String(), ready
}

// describeCertificate writes a line for the certificate, if the console serves one.
func (c *Console) describeCertificate() string {
	if c.Certificate == nil {
		return ""
	}
	end, soon := c.Certificate()
	at := end.UTC().Format(time.RFC3339)
	switch {
	case end.IsZero():
		return "certificate: warning certificate_missing: there is none yet, so that nobody gets in over https\n"
	case c.Now().After(end):
		return "certificate: warning certificate_ended: it ended " + at + "\n"
	case soon:
		return "certificate: warning certificate_ends: it should have been renewed, and ends " + at + "\n"
	}
	return "certificate: ok: ends " + at + "\n"
}

// service is how IAM or COC is doing.
type service struct {
	name string
	upstream.Status
}

// services asks both at the same time.
func (c *Console) services(ctx context.Context) []service {
	all := []service{{name: "iam"}, {name: "coc"}}
	var asked sync.WaitGroup
	asked.Go(func() { all[0].Status = c.IAM.Health(ctx) })
	asked.Go(func() { all[1].Status = c.COC.Health(ctx) })
	asked.Wait()
	return all
}

// reasons say why a service does not answer, to anybody who asks.
var reasons = map[upstream.Reason]string{
	upstream.DNS: "its name is not known", upstream.Refused: "nothing listens at its address",
	upstream.Unreachable: "no route leads to it",
	upstream.Timeout:     "no answer in time", upstream.UnknownCA: "its certificate is not trusted, see SSL_CERT_FILE",
	upstream.CertificateExpired: "its certificate has expired",
	upstream.CertificateHost:    "its certificate is for another name",
	upstream.TLS:                "it does not speak TLS", upstream.ProxyAuth: "the proxy wants a password",
	upstream.Proxy:  "the proxy does not connect",
	upstream.Portal: "somebody else answers in its place", upstream.Broken: "the connection broke",
	upstream.TooLarge: "its answer is too large",
	upstream.Failing:  "it answers with internal errors", upstream.Other: "the cause is in the console's own log",
}

// describeServices writes a line for each service.
func describeServices(all []service, now time.Time) string {
	ago := func(at time.Time) string { return max(0, now.Sub(at)).Round(time.Second).String() + " ago" }
	var b strings.Builder
	for _, s := range all {
		answered := "no answer since the start"
		if !s.Success.IsZero() {
			answered = "last answer " + ago(s.Success)
		}
		switch {
		case s.Reachable():
			fmt.Fprintf(&b, "%s: ok: %s\n", s.name, answered)
		case s.Failure.IsZero():
			fmt.Fprintf(&b, "%s: warning unknown: %s\n", s.name, answered)
		default:
			fmt.Fprintf(&b, "%s: warning %s: %s, last error %s, %s\n", s.name, s.Reason, reasons[s.Reason], ago(s.Failure),
				answered)
		}
	}
	return b.String()
}

// skewLine is what there is to say of a clock that is wrong; empty where it is not.
func (c *Console) skewLine() string {
	s, off := c.Clocks.Worst()
	if !off {
		return ""
	}
	way := "ahead of"
	if s.By < 0 {
		way = "behind"
	}
	return fmt.Sprintf(": %.1f s %s that of the %s", s.By.Abs().Seconds(), way, map[string]string{
		clock.Database: "database", clock.COC: "COC endpoint", clock.IAM: "IAM endpoint"}[s.Against])
}
