package audit_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/internal/database"
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
			o := open(t, audittest.Fresh(t, audittest.SQLite), func(c *audit.Config) {
				c.Database = audittest.WithSpace(c.Database, func() (uint64, uint64, error) { return tc.space.Free, tc.space.Total, tc.err })
			})
			if got := kinds(o.Health(t.Context())); got != tc.want {
				t.Errorf("it warns of %q, want %q", got, tc.want)
			}
			_, err := o.Request(t.Context(), audittest.FullRecord())
			var refused *audit.StorageError
			if tc.requested != (err == nil) || err != nil && (!is(err, audit.ErrReserve) || !errors.As(err, &refused) || !refused.Full) {
				t.Errorf("a request gets %v", err)
			}
			end := audittest.FullRecord()
			end.Action, end.Outcome = audit.ActionOperationAccepted, audit.OutcomeSucceeded
			o.AppendEach(t, end) // ends always pass
		})
	}
}

func TestHealthOfRefusedCommits(t *testing.T) {
	for _, b := range breakages() {
		t.Run(b.engine+" "+b.name, func(t *testing.T) {
			o := open(t, audittest.Fresh(t, b.engine), one, audittest.Signing)
			o.AppendEach(t, audittest.Viewed(""))
			audittest.Until(t, "it is signed", func() bool { c, err := o.Checkpoint(t.Context()); return err == nil && c.Size == 1 })
			b.harm(t, o)
			if _, err := o.Append(t.Context(), audittest.Viewed(strings.Repeat("x", audit.MaxLong))); err == nil {
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
			o.AppendEach(t, audittest.Viewed(""))
			if got := kindsBesidesSlow(o.Health(t.Context())); got != "" {
				t.Errorf("it still warns of %q", got)
			}
		})
	}
}

// TestDamagedTreeTakesNoRecords: what followed would cover the damage up.
func TestDamagedTreeTakesNoRecords(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		o.AppendEach(t, audittest.Several(3)...)
		if err := o.CloseAll(); err != nil {
			t.Fatal(err)
		}
		o = inspect(t, dsn, func(c *audit.Config) { c.Origin = "" })
		o.Unguard(t)
		audittest.Execute(t, o.Entries, `UPDATE entry SET body = (SELECT body FROM entry WHERE seq = 2) WHERE seq = 3`)
		if err := o.CloseAll(); err != nil {
			t.Fatal(err)
		}
		o = open(t, dsn)
		for range 2 {
			if _, err := o.Append(t.Context(), audittest.Viewed("")); !is(err, audit.ErrDamaged) {
				t.Errorf("got %v", err)
			}
			if err := o.Ready(t.Context()); !is(err, audit.ErrDamaged) {
				t.Errorf("Ready gives %v", err)
			}
		}
	})
}

func TestBackgroundVerification(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn, audittest.Signing)
		background := o.Background(t, time.Millisecond)
		o.AppendEach(t, audittest.Several(300)...)
		audittest.Until(t, "it is verified", func() bool { return background.Status().Size == 300 })
		if v := background.Status(); len(v.Findings) != 0 || v.At.IsZero() || v.All.IsZero() || v.Err != nil {
			t.Errorf("%+v", v)
		}
		o.Unguard(t)
		o.AppendEach(t, audittest.Several(300)...)
		audittest.Execute(t, o.Entries, `UPDATE head SET pruned = 0, last_ts = last_ts + 1`)
		audittest.Until(t, "it is found", func() bool { return len(background.Status().Findings) > 0 })
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
	o := open(t, audittest.Fresh(t, audittest.SQLite))
	for _, tt := range []struct {
		db    *database.DB
		parts int // of 50 MiB each: as few as must be warned of
	}{{o.Entries, 2}, {o.Tables, 3}} {
		warns := func(want string) func() bool {
			return func() bool { return kindsBesidesSlow(o.Health(t.Context())) == want }
		}
		audittest.Execute(t, tt.db, `PRAGMA wal_autocheckpoint = 0`)
		audittest.Execute(t, tt.db, `CREATE TABLE large (b BLOB)`)
		for n := range tt.parts {
			if n == tt.parts-1 {
				o.ForgetJournals()
				if !warns("")() {
					t.Errorf("with %d MiB it warns", 50*n)
				}
			}
			audittest.Execute(t, tt.db, `INSERT INTO large VALUES (zeroblob(50 << 20))`)
		}
		audittest.Until(t, "it warns", warns("journal"))
		audittest.Execute(t, tt.db, `PRAGMA wal_checkpoint(PASSIVE)`)
		audittest.Until(t, "all is copied", warns(""))
	}
}
