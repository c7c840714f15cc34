package operate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/store"
)

// ErrNotAuthentic says that a row of the database was not written by a console
// with this session key, or that the log tells something else: nothing is done
// because of it.
var ErrNotAuthentic = store.ErrNotAuthentic

// The notes of rows that are not authentic.
const (
	NoteNotAuthentic Note = "not_authentic" // its MAC is wrong, or the log tells something else
	NoteAskAgain     Note = "ask_again"     // it has no MAC: it is older than the MACs
)

// forgedRows are the rows that were found not to be authentic.
type forgedRows struct {
	mu    sync.Mutex
	found map[string]bool
}

// maxRowName bounds the name of a row, in bytes.
const maxRowName = 100

// maxForged bounds what is remembered of forged rows.
const maxForged = 1000

// add reports whether a row is met for the first time.
func (f *forgedRows) add(row string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.found[row] || len(f.found) >= maxForged {
		return false
	}
	if f.found == nil {
		f.found = map[string]bool{}
	}
	f.found[row] = true
	return true
}

// Forged counts the rows that this process has found not to be authentic.
func (s *Service) Forged() int {
	s.forged.mu.Lock()
	defer s.forged.mu.Unlock()
	return len(s.forged.found)
}

// ReportForged tells of a row that is not authentic, at once to whoever reads
// the console's log, and once in the audit log, in nobody's name. A row without
// a MAC is older than the MACs, or pretends to be: that is no finding. The note
// says which it is.
func (s *Service) ReportForged(ctx context.Context, mac, table, id string) Note {
	note, row := NoteNotAuthentic, rowName(table, id)
	if mac == "" {
		note = NoteAskAgain
	} else if !s.forged.add(row) {
		return note
	}
	s.logger.WarnContext(ctx, "stored row is not authentic, not acted on", "row", row, "reason", note)
	if known, err := s.isReported(ctx, row); known || err != nil {
		return note
	}
	r := audit.Record{Action: audit.ActionDataRejected, Outcome: audit.OutcomeDenied, Target: row,
		Detail: Detail{Note: note}.String()}
	if _, err := s.log.Append(context.WithoutCancel(ctx), r); err != nil {
		s.logger.WarnContext(ctx, "row that is not authentic not logged", "row", row, "error", err)
	}
	return note
}

// isReported reports whether the log tells already of a row that is not authentic.
func (s *Service) isReported(ctx context.Context, row string) (bool, error) {
	page, err := s.index.Search(ctx, search.Query{Action: audit.ActionDataRejected, Limit: search.MaxLimit,
		Visible: search.Visibility{All: true}})
	if err != nil {
		return false, fmt.Errorf("search the log for the report of row %s: %w", row, err)
	}
	return slices.ContainsFunc(page.Records, func(r audit.Record) bool { return r.Target == row }), nil
}

// rowName is how a row is named in the logs; it may be anything that somebody
// wrote into the table.
func rowName(table, id string) string {
	name := table + " " + id
	name = name[:min(len(name), maxRowName)]
	return strings.ReplaceAll(strings.ToValidUTF8(name, ""), "\x00", "")
}
