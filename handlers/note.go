package handlers

import (
	"context"
	"strings"
	"time"

	"coc-console/audit"
)

// note writes one action of the viewer to the log.
func (h *Handlers) note(ctx context.Context, r audit.Record) {
	r.Origin = OriginFrom(ctx)
	if v, ok := ViewerFrom(ctx); ok {
		r.Actor, r.Origin.Session = v.Actor, v.SessionName
	}
	h.write(ctx, r)
}

// noteSoon is note for what somebody has read: nobody waits for the disk.
func (h *Handlers) noteSoon(ctx context.Context, r audit.Record) {
	r.Origin = OriginFrom(ctx)
	if v, ok := ViewerFrom(ctx); ok {
		r.Actor, r.Origin.Session = v.Actor, v.SessionName
	}
	if r.Outcome == "" {
		r.Outcome = audit.OutcomeSucceeded
	}
	if err := h.Log.Note(r); err != nil {
		h.Logger.ErrorContext(ctx, "an action is not in the log", "action", r.Action, "error", err)
	}
}

// write writes one record on a best effort: reading goes on when the log
// cannot take it, because a full disk must not blind whoever has to act on a
// failing ticket; the failure is logged and /readyz tells it. Operations are
// different: without their record nothing is sent.
func (h *Handlers) write(ctx context.Context, r audit.Record) {
	if r.Outcome == "" {
		r.Outcome = audit.OutcomeSucceeded
	}
	if _, err := h.Log.Append(context.WithoutCancel(ctx), r); err != nil {
		h.Logger.ErrorContext(ctx, "an action is not in the log", "action", r.Action, "error", err)
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
