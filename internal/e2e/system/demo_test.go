package system

import (
	"context"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/internal/cli"
	"coc-console/internal/e2e"
	"coc-console/internal/simulator"
)

// store is where a console of these tests keeps its log.
type store struct{ data, database string }

func onBothEngines(t *testing.T, test func(t *testing.T, s store)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) { test(t, store{data: filepath.Join(t.TempDir(), "data")}) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, store{t.TempDir(), audittest.Postgres(t)}) })
}

func (s store) where() []string {
	if s.database != "" {
		return []string{"--data", s.data, "--database", s.database}
	}
	return []string{"--data", s.data}
}

// realEndpoints is a simulator that the console can't tell from the cloud.
func realEndpoints(t *testing.T) []string {
	t.Helper()
	server := httptest.NewServer(simulator.New(simulator.Config{}).Handler())
	t.Cleanup(server.Close)
	return []string{"--coc-endpoint", server.URL, "--iam-endpoint", server.URL, "--accounts", "demo"}
}

// record writes a record of somebody's into the log, past a console.
func (s store) record(t *testing.T, who audit.Actor) {
	t.Helper()
	dsn := s.data
	if s.database != "" {
		dsn = s.database
	}
	log, closeAll := openLog(t, dsn, s.data)
	defer closeAll()
	_, err := log.Append(t.Context(), audit.Record{Action: audit.ActionSessionSignedIn, Outcome: audit.OutcomeSucceeded, Actor: who})
	must(t, err)
}

// starts starts a console and stops it again.
func (s store) starts(t *testing.T, args ...string) {
	t.Helper()
	must(t, e2e.Launch(t, e2e.NoEnvironment, append(s.where(), args...)...).Stop())
}

// stops checks that a start stops with what says all of these, in one line unless several settings are missing.
func (s store) stops(t *testing.T, args []string, want ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), e2e.StartTimeout)
	defer cancel()
	args = append(append([]string{"serve", "--listen", "127.0.0.1:0"}, s.where()...), args...)
	err := cli.Run(ctx, args, e2e.NoEnvironment, io.Discard, io.Discard)
	if err == nil {
		t.Fatalf("%v started", args)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%v: %q does not say %q", args, err, w)
		}
	}
	several := strings.HasPrefix(err.Error(), "these settings are missing")
	if strings.Contains(err.Error(), "\n") && !several || s.database != "" && strings.Contains(err.Error(), s.database) {
		t.Errorf("%v: it is not one line, or tells the address: %q", args, err)
	}
}

var (
	realActor = audit.Actor{UserID: "u1", UserName: "ann", AccountID: "0123456789abcdef0123456789abcdef", AccountName: "demo"}
	demoActor = audit.Actor{UserID: "u2", UserName: "operator", AccountID: simulator.DemoAccounts()[0].ID(), AccountName: "demo"}
)

// TestForgottenEndpoints: without endpoints a real log stays closed, whatever
// its account is called; with them a demo's log does.
func TestForgottenEndpoints(t *testing.T) {
	t.Parallel()
	onlyInWhole(t)
	onBothEngines(t, func(t *testing.T, s store) {
		s.starts(t, realEndpoints(t)...)
		s.record(t, realActor)
		s.stops(t, nil, s.setting(), "--coc-endpoint", "--iam-endpoint", "--demo")
		s.stops(t, []string{"--demo"}, "--demo", "record 1", "real log")
		s.starts(t, realEndpoints(t)...)
	})
}

func (s store) setting() string {
	if s.database != "" {
		return "--database: "
	}
	return "--data: " + s.data
}

func TestDemoIsMarked(t *testing.T) {
	t.Parallel()
	onlyInWhole(t)
	onBothEngines(t, func(t *testing.T, s store) {
		s.starts(t)
		s.record(t, demoActor)
		s.starts(t)
		s.stops(t, realEndpoints(t), s.setting(), "demo", "another "+strings.SplitN(s.setting(), ":", 2)[0])
		s.starts(t) // which that attempt has not changed
	})
}

// TestDemoOfAnEarlierVersion has a log of the simulator's people, and no mark.
func TestDemoOfAnEarlierVersion(t *testing.T) {
	t.Parallel()
	onlyInWhole(t)
	onBothEngines(t, func(t *testing.T, s store) {
		s.record(t, demoActor)
		s.record(t, audit.Actor{AccountName: "typed", UserName: "wrong"}) // a sign-in that failed
		s.stops(t, nil, "--demo")
		s.starts(t, "--demo")
		s.starts(t)
		s.record(t, realActor)
		s.starts(t) // what is marked is not read again
	})
}

// TestMarkIsOfItsLog: another log in the place of the demo's is not a demo's.
func TestMarkIsOfItsLog(t *testing.T) {
	t.Parallel()
	s, other := store{data: t.TempDir()}, store{data: t.TempDir()}
	s.starts(t)
	other.record(t, realActor)
	must(t, os.Remove(filepath.Join(s.data, "search.db")))
	for _, suffix := range []string{"", "-wal", "-shm"} {
		_ = os.Remove(filepath.Join(s.data, "audit.db"+suffix))
	}
	must(t, os.Rename(filepath.Join(other.data, "audit.db"), filepath.Join(s.data, "audit.db")))
	s.stops(t, nil, "--data", "--demo")
	must(t, os.Remove(filepath.Join(s.data, "audit.db")))
	s.stops(t, nil, "--data", "--demo") // sessions whose log is gone
}

// TestDemoIsForThisMachine: the passwords of the simulator are for nobody else.
func TestDemoIsForThisMachine(t *testing.T) {
	t.Parallel()
	s := store{data: filepath.Join(t.TempDir(), "data")}
	s.stops(t, []string{"--trusted-proxies", "127.0.0.1"}, "--trusted-proxies", "--coc-endpoint")
	s.stops(t, []string{"--listen", "0.0.0.0:0", "--trusted-proxies", "127.0.0.1"}, "--listen", "--coc-endpoint", "127.0.0.1")
	s.stops(t, []string{"--listen", ":0", "--trusted-proxies", "127.0.0.1"}, "--listen", "--coc-endpoint")
	s.stops(t, append(realEndpoints(t), "--demo"), "--demo", "--coc-endpoint")
	if _, err := os.Stat(s.data); err == nil {
		t.Error("a folder was made")
	}
	s.starts(t, "--listen", "localhost:0")
	if _, err := os.Stat(filepath.Join(s.data, "DEMO")); err != nil {
		t.Error(err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
