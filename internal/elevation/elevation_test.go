package elevation_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/internal/elevation"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
)

const (
	rules = `@id("on-call") permit (principal in Role::"on-call", action in Action::"operate", resource);`
	file  = `{"roles": {"managers": ["acme/boss", "acme/chief"]}, "teams": {"web": ["acme/ann"]},
		"elevations": {"on-call": {"teams": ["web"], "hours": 12}}}`
)

func person(name string) audit.Actor {
	return audit.Actor{UserID: "id-" + name, UserName: name, AccountID: "1", AccountName: "acme"}
}

// console is one console's elevations over a log.
type console struct {
	*elevation.Service
	log   *audittest.Log
	rules *policy.Store
	now   *audittest.Clock
}

// open opens a console; shared says that others append to its log.
func open(t *testing.T, dsn string, shared bool) *console {
	t.Helper()
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	c := &console{now: audittest.NewClock(time.Date(2026, 3, 2, 22, 0, 0, 0, time.UTC))}
	c.log = audittest.Open(t, dsn, func(cfg *audit.Config) { cfg.Now = c.now.Now })
	var err error
	c.rules, err = policy.Open(policy.Files{Policy: write("rules.cedar", rules), Directory: write("people.json", file)},
		slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	c.Service = elevation.New(elevation.Config{Log: c.log.Log, Index: c.log.Index, Rules: c.rules,
		Shared: shared, Logger: slog.New(slog.DiscardHandler), Now: c.now.Now})
	if !shared {
		c.Follow(t.Context()) // ends, since there is nothing more to read
	} else if err := c.Update(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

// may reports whether somebody may operate now.
func (c *console) may(name string) bool {
	return c.rules.Decide(policy.Request{Person: operate.PersonOf(person(name)), Action: "PAUSE_ORDER",
		Ticket: &policy.Ticket{ID: "t"}, Circumstances: policy.Circumstances{At: c.now.Now()}}).Allowed
}

func (c *console) ask(t *testing.T, hours int) string {
	t.Helper()
	if err := c.Ask(t.Context(), person("ann"), audit.Origin{}, "on-call", c.now.Now().Add(time.Duration(hours)*time.Hour), "night"); err != nil {
		t.Fatal(err)
	}
	return c.Requests("1")[0].ID
}

func engines(t *testing.T, f func(t *testing.T, dsn string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, t.TempDir()) })
	t.Run("postgresql", func(t *testing.T) { f(t, audittest.Postgres(t)) })
}

// TestInForce: from the approval to the end, to the second, and over a restart.
func TestInForce(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		c := open(t, dsn, false)
		id := c.ask(t, 10)
		if c.may("ann") {
			t.Error("it counts before it is approved")
		}
		if err := c.Decide(t.Context(), person("boss"), audit.Origin{}, id, true, "fine"); err != nil {
			t.Fatal(err)
		}
		if !c.may("ann") || c.may("boss") {
			t.Error("it doesn't count, or counts for others")
		}
		if err := c.log.CloseAll(); err != nil {
			t.Fatal(err)
		}
		again := open(t, dsn, false)
		if again.now.Set(c.now.Now().Add(10*time.Hour - time.Second)); !again.may("ann") {
			t.Error("it doesn't count after a restart")
		}
		if again.now.Set(c.now.Now().Add(10 * time.Hour)); again.may("ann") {
			t.Error("it counts at its end")
		}
	})
}

// TestNotRecorded: what may not be is refused, and leaves no record.
func TestNotRecorded(t *testing.T) {
	c := open(t, t.TempDir(), false)
	ctx, ann, boss := t.Context(), person("ann"), person("boss")
	ask := func(who audit.Actor, role string, d time.Duration, reason string) error {
		return c.Ask(ctx, who, audit.Origin{}, role, c.now.Now().Add(d), reason)
	}
	for want, err := range map[error]error{
		elevation.ErrNotOffered: errors.Join(ask(boss, "on-call", time.Hour, "x"), ask(ann, "managers", time.Hour, "x")),
		elevation.ErrUntil:      errors.Join(ask(ann, "on-call", 0, "x"), ask(ann, "on-call", 12*time.Hour+1, "x")),
		elevation.ErrReason:     ask(ann, "on-call", time.Hour, " \n"),
		elevation.ErrOver:       c.Decide(ctx, boss, audit.Origin{}, "none", true, ""),
	} {
		if !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	if n := len(c.Requests("1")); n != 0 {
		t.Fatalf("%d requests", n)
	}
	id := c.ask(t, 3)
	other := boss
	other.AccountID = "2"
	for _, who := range []audit.Actor{ann, person("carl"), other} {
		if err := c.Decide(ctx, who, audit.Origin{}, id, true, ""); !errors.Is(err, elevation.ErrNotTheirs) {
			t.Errorf("%s decides: %v", who.UserName, err)
		}
	}
	if c.now.Set(c.now.Now().Add(elevation.Lifetime)); c.CountFor(boss) != 0 {
		t.Error("it waits after its lifetime")
	}
	if err := c.Decide(ctx, boss, audit.Origin{}, id, true, ""); !errors.Is(err, elevation.ErrOver) {
		t.Errorf("approved too late: %v", err)
	}
	if n := len(c.Requests("2")); n != 0 {
		t.Errorf("another account sees %d requests", n)
	}
}

// TestDirectoryChanges: whom the directory no longer offers the role has lost it at once.
func TestDirectoryChanges(t *testing.T) {
	c := open(t, t.TempDir(), false)
	if err := c.Decide(t.Context(), person("boss"), audit.Origin{}, c.ask(t, 3), true, ""); err != nil {
		t.Fatal(err)
	}
	p := operate.PersonOf(person("ann"))
	if got := c.rules.Elevated(p, c.now.Now()).Elevated; got != "on-call" {
		t.Fatalf("elevated: %q", got)
	}
	p.UserName, p.UserID = "zoe", "id-ann" // renamed: no member of the team any more
	if got := c.rules.Elevated(p, c.now.Now()).Elevated; got != "" {
		t.Errorf("elevated without being offered it: %q", got)
	}
}

// TestTwoConsoles: what one records counts at the other once it looks; of two answers the first in the log counts.
func TestTwoConsoles(t *testing.T) {
	dsn := audittest.Postgres(t)
	one, two := open(t, dsn, true), open(t, dsn, true)
	id := one.ask(t, 3)
	if err := two.Decide(t.Context(), person("boss"), audit.Origin{}, id, true, "fine"); err != nil {
		t.Fatal(err)
	}
	follow(t, one, func() bool { return one.may("ann") })
	if err := one.Decide(t.Context(), person("chief"), audit.Origin{}, id, false, ""); !errors.Is(err, elevation.ErrOver) {
		t.Errorf("the second answer: %v", err)
	}
	if err := one.End(t.Context(), person("ann"), audit.Origin{}, id); err != nil {
		t.Fatal(err)
	}
	follow(t, two, func() bool { return !two.may("ann") })
}

func follow(t *testing.T, c *console, until func() bool) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	for !until() {
		if err := c.Update(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// TestForgedAnswers: records that don't follow from those before change nothing: an answer by who asked, a second one,
// one that came too late, and what is no elevation's.
func TestForgedAnswers(t *testing.T) {
	c := open(t, t.TempDir(), false)
	put := func(a audit.Action, who, detail string) {
		t.Helper()
		_, err := c.log.Append(t.Context(), audit.Record{Action: a, Outcome: audit.OutcomeSucceeded, Actor: person(who), Target: "on-call", Detail: detail})
		if err != nil {
			t.Fatal(err)
		}
	}
	until := " until=" + c.now.Now().Add(3*time.Hour).Format(time.RFC3339)
	id := c.ask(t, 3)
	put(audit.ActionElevationGranted, "ann", "elevation="+id+until)
	put(audit.ActionElevationGranted, "boss", "elevation="+id)
	put(audit.ActionElevationGranted, "boss", "elevation=other"+until+" for=acme/ann elevation="+id)
	if c.may("ann") {
		t.Fatal("what nobody approved counts")
	}
	put(audit.ActionElevationRefused, "boss", "elevation="+id+until)
	put(audit.ActionElevationGranted, "chief", "elevation="+id+until)
	if c.may("ann") || c.Requests("1")[0].StateAt(c.now.Now()) != elevation.Refused {
		t.Error("a second answer counts")
	}
}
