package audit_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/export"
	"coc-console/audit/search"
)

// TestNotesAreFoundAtOnce: nobody waits for a note, and whoever searches finds it.
func TestNotesAreFoundAtOnce(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		l, err := audittest.New(t.Context(), dsn)
		noError(t, err)
		for i := range 20 {
			noError(t, l.Note(audit.Record{Action: audit.ActionTicketViewed, Outcome: audit.OutcomeSucceeded, Ticket: fmt.Sprint("T", i)}))
			noError(t, l.AwaitNotes(t.Context()))
			found, err := l.Index.Search(t.Context(), search.Query{Ticket: fmt.Sprint("T", i), Visible: search.Visibility{All: true}})
			noError(t, err)
			if len(found.Records) != 1 {
				t.Fatalf("note %d is found %d times", i, len(found.Records))
			}
		}
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				for j := range 50 {
					if err := l.Note(audit.Record{Action: audit.ActionTicketListed, Outcome: audit.OutcomeSucceeded, Detail: fmt.Sprint(i, j)}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		noError(t, l.AwaitNotes(t.Context()))
		n := 0
		noError(t, export.Records(t.Context(), l.Index, search.Query{Action: audit.ActionTicketListed, Visible: search.Visibility{All: true}}, func(audit.Record) error {
			n++
			return nil
		}))
		if n != 400 {
			t.Errorf("%d of 400 notes are exported", n)
		}
		noError(t, l.Note(audit.Record{Action: audit.ActionTicketViewed, Outcome: audit.OutcomeSucceeded, Ticket: "LAST"}))
		noError(t, l.CloseAll()) // writes what is queued
		if err := l.Note(audit.Record{Action: audit.ActionTicketViewed, Outcome: audit.OutcomeSucceeded}); !errors.Is(err, audit.ErrClosed) {
			t.Errorf("a closed log notes: %v", err)
		}
		found, err := open(t, dsn).Index.Search(t.Context(), search.Query{Ticket: "LAST", Visible: search.Visibility{All: true}})
		noError(t, err)
		if len(found.Records) != 1 {
			t.Error("what was noted before the end is lost")
		}
	})
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
