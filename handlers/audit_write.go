package handlers

import (
	"context"
	"strings"
	"time"

	"coc-console/audit"
)

// writePatience bounds how long a page waits until what somebody did is in the
// log. It is written once the log takes records again.
const writePatience = 500 * time.Millisecond

// note writes one action of the viewer to the log.
func (h *base) note(ctx context.Context, r audit.Record) {
	r.Origin = OriginFrom(ctx)
	if v, ok := ViewerFrom(ctx); ok {
		r.Actor, r.Origin.Session = v.Actor, v.SessionName
	}
	h.write(ctx, r)
}

// noteSoon is note for what somebody has read, or was not shown: nobody waits
// for the disk, and repetitions are counted.
func (h *base) noteSoon(ctx context.Context, r audit.Record) {
	r.Origin = OriginFrom(ctx)
	if v, ok := ViewerFrom(ctx); ok {
		r.Actor, r.Origin.Session = v.Actor, v.SessionName
	}
	if r.Outcome == "" {
		r.Outcome = audit.OutcomeSucceeded
	}
	h.spendRecord(r.Actor)
	if err := h.log.Note(r); err != nil {
		h.logger.ErrorContext(ctx, "an action is not in the log", "action", r.Action, "ticket", r.Ticket, "error", err)
	}
}

// jot writes a record that stands for itself; nobody waits for the disk.
func (h *base) jot(r audit.Record) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := h.log.Keep(ended, r); err != nil {
		h.logger.Error("an action is not in the log", "action", r.Action, "ticket", r.Ticket, "error", err)
	}
}

// write writes one record of what has happened: the page goes on when the log cannot take it now, because a full or
// locked disk must not blind whoever has to act on a failing ticket; it is kept until the log can, and /readyz tells
// that. Operations are different: without their record nothing is sent.
func (h *base) write(ctx context.Context, r audit.Record) {
	if r.Outcome == "" {
		r.Outcome = audit.OutcomeSucceeded
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), writePatience)
	defer cancel()
	if err := h.log.Keep(limited, r); err != nil {
		h.logger.ErrorContext(ctx, "an action is not in the log", "action", r.Action, "ticket", r.Ticket, "error", err)
	}
}

// detail joins what a list was narrowed to: "status=ABNORMAL name=rotate".
func detail(pairs ...string) string {
	var kept []string
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			kept = append(kept, pairs[i]+"="+pairs[i+1])
		}
	}
	return strings.Join(kept, " ")
}

func since(start time.Time, now func() time.Time) time.Duration { return now().Sub(start) }
