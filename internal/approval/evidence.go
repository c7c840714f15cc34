package approval

import (
	"context"
	"fmt"

	"coc-console/audit"
	"coc-console/internal/operate"
	"coc-console/internal/store"
)

// evidence is what the log says of a request for approval.
type evidence struct {
	state   State // of the last record; empty where there is none
	last    audit.Record
	granted bool
	sent    bool
}

func evidenceOf(records []audit.Record) evidence {
	var l evidence
	for _, r := range records {
		for state, action := range recorded {
			if r.Action == action {
				l.state, l.last = state, r
			}
		}
		switch r.Action {
		case audit.ActionApprovalGranted:
			l.granted = true
		case audit.ActionOperationRequested:
			l.sent = true
		}
	}
	return l
}

// current reads a request and brings its row to where the log is: a row that
// somebody has put back from before is not acted on.
func (s *Service) current(ctx context.Context, id string) (Request, error) {
	a, err := s.Get(ctx, id)
	if err != nil {
		return a, err
	}
	if a.Doubtful {
		return a, operate.ErrNotAuthentic
	}
	if !a.State.Open() {
		return a, nil
	}
	records, err := s.index.Operation(ctx, id)
	if err != nil {
		return a, fmt.Errorf("read approval %s of ticket %s from the log: %w", id, a.Ticket, err)
	}
	if err := s.completeGiven(ctx, a, records); err != nil {
		return a, err
	}
	return s.followLog(ctx, a, evidenceOf(records))
}

func (s *Service) followLog(ctx context.Context, a Request, l evidence) (Request, error) {
	switch {
	case l.sent && l.granted:
		return s.setSent(ctx, a)
	case l.sent: // past the approver, by an older console
		return s.setNote(ctx, a, Returned, NoteSentDirectly, "")
	case l.state == "" || l.state == a.State || l.state == Waiting:
		return a, nil
	}
	return s.change(ctx, a, func(row *store.ApprovalRow) {
		row.State, row.Note, row.Problem = string(l.state), "", ""
		detail := operate.ParseDetail(l.last.Detail)
		switch l.state {
		case Granted: // the console could not say so then: whoever asked can still send it
			row.Note = string(operate.NoteNotSent)
			fallthrough
		case Refused:
			row.Decider, row.Decided, row.Comment = store.JSON(l.last.Actor), l.last.When().UnixMicro(), detail.Comment
		case Returned:
			row.Note = string(detail.Note)
		default: // nothing more is known of it
		}
	})
}
