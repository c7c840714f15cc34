package audit_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/migrations"
)

func kinds(warnings []audit.Warning) string {
	var out []string
	for _, w := range warnings {
		out = append(out, w.Kind)
	}
	return strings.Join(out, " ")
}

// kindsBesidesSlow leaves out what a busy machine is warned of in any case.
func kindsBesidesSlow(warnings []audit.Warning) string {
	return kinds(slices.DeleteFunc(warnings, func(w audit.Warning) bool { return w.Kind == audit.WarningSlow }))
}

func TestSpaceIsWatched(t *testing.T) {
	const gib, mib = 1 << 30, 1 << 20
	for _, tc := range []struct {
		name      string
		space     audit.Space
		err       error
		want      string
		requested bool
	}{
		{"plenty", audit.Space{Free: 100 * gib, Total: 200 * gib}, nil, "", true},
		{"not known", audit.Space{}, nil, "", true},
		{"cannot be asked", audit.Space{}, errors.New("no"), "low_space", true},
		{"low", audit.Space{Free: 512 * mib, Total: 200 * gib}, nil, "low_space", true},
		{"a small disk", audit.Space{Free: 200 * mib, Total: gib}, nil, "", true},
		{"nearly nothing", audit.Space{Free: 63 * mib, Total: 200 * gib}, nil, "reserve", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := open(t, fresh(t, onSQLite), func(c *audit.Config) {
				c.Space = func() (audit.Space, error) { return tc.space, tc.err }
			})
			if got := kinds(o.Health(t.Context())); got != tc.want {
				t.Errorf("it warns of %q, want %q", got, tc.want)
			}
			_, err := o.Request(t.Context(), fullRecord())
			var refused *audit.StorageError
			if tc.requested != (err == nil) || err != nil && (!is(err, audit.ErrReserve) || !errors.As(err, &refused) || !refused.Full) {
				t.Errorf("a request gets %v", err)
			}
			end := fullRecord()
			end.Action, end.Outcome = audit.ActionOperationAccepted, audit.OutcomeSucceeded
			o.append(t, end) // ends always pass
		})
	}
}

func TestHealthOfRefusedCommits(t *testing.T) {
	for _, b := range breakages() {
		t.Run(b.engine+" "+b.name, func(t *testing.T) {
			o := open(t, fresh(t, b.engine), one, signing)
			o.append(t, viewed(""))
			until(t, "it is signed", func() bool { c, err := o.Checkpoint(t.Context()); return err == nil && c.Size == 1 })
			b.harm(t, o)
			if _, err := o.Append(t.Context(), viewed(strings.Repeat("x", audit.MaxLong))); err == nil {
				t.Fatal("it was written")
			}
			want := audit.WarningFailing
			switch {
			case b.full:
				want = audit.WarningFull
			case b.readOnly:
				want = audit.WarningReadOnly
			}
			if got := kindsBesidesSlow(o.Health(t.Context())); got != want {
				t.Errorf("it warns of %q, want %q", got, want)
			}
			b.mend(t, o)
			o.append(t, viewed(""))
			if got := kindsBesidesSlow(o.Health(t.Context())); got != "" {
				t.Errorf("it still warns of %q", got)
			}
		})
	}
}

// TestDamagedTreeTakesNoRecords: what followed would cover the damage up.
func TestDamagedTreeTakesNoRecords(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		o.append(t, several(3)...)
		if err := o.close(); err != nil {
			t.Fatal(err)
		}
		o = inspect(t, dsn, func(c *audit.Config) { c.Origin = "" })
		o.unguard(t)
		execute(t, o.entry, `UPDATE entry SET body = (SELECT body FROM entry WHERE seq = 2) WHERE seq = 3`)
		if err := o.close(); err != nil {
			t.Fatal(err)
		}
		o = open(t, dsn)
		for range 2 {
			if _, err := o.Append(t.Context(), viewed("")); !is(err, audit.ErrDamaged) {
				t.Errorf("got %v", err)
			}
			if err := o.Ready(t.Context()); !is(err, audit.ErrDamaged) {
				t.Errorf("Ready gives %v", err)
			}
		}
	})
}

func TestBackgroundVerification(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn, signing, func(c *audit.Config) { c.VerifyEvery = time.Millisecond })
		o.append(t, several(300)...)
		until(t, "it is verified", func() bool { return o.Verified().Size == 300 })
		if v := o.Verified(); len(v.Findings) != 0 || v.At.IsZero() || v.All.IsZero() || v.Err != nil {
			t.Errorf("%+v", v)
		}
		o.unguard(t)
		o.append(t, several(300)...)
		execute(t, o.entry, `UPDATE head SET pruned = 0, last_ts = last_ts + 1`)
		until(t, "it is found", func() bool { return len(o.Verified().Findings) > 0 })
		if got := kinds(o.Health(t.Context())); !strings.Contains(got, audit.WarningFindings) {
			t.Errorf("it warns of %q", got)
		}
	})
}

// TestJournalIsWatched: what SQLite cannot copy into its files is warned of
// until it can, however large its write-ahead logs stay.
func TestJournalIsWatched(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 250 MiB")
	}
	o := open(t, fresh(t, onSQLite))
	for _, tt := range []struct {
		db    *migrations.DB
		parts int // of 50 MiB each: as few as must be warned of
	}{{o.entry, 2}, {o.search, 3}} {
		warns := func(want string) func() bool {
			return func() bool { return kindsBesidesSlow(o.Health(t.Context())) == want }
		}
		execute(t, tt.db, `PRAGMA wal_autocheckpoint = 0`)
		execute(t, tt.db, `CREATE TABLE large (b BLOB)`)
		for n := range tt.parts {
			if n == tt.parts-1 {
				o.ForgetJournals()
				if !warns("")() {
					t.Errorf("with %d MiB it warns", 50*n)
				}
			}
			execute(t, tt.db, `INSERT INTO large VALUES (zeroblob(50 << 20))`)
		}
		until(t, "it warns", warns("journal"))
		execute(t, tt.db, `PRAGMA wal_checkpoint(PASSIVE)`)
		until(t, "all is copied", warns(""))
	}
}
