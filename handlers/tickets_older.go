package handlers

import (
	"context"

	"coc-console/internal/coc"
	"coc-console/internal/listing"
	"coc-console/internal/older"
	"coc-console/internal/operate"
	"coc-console/internal/watch"
)

// deepOf is what a list was made of: a snapshot, and how far its older pages were read.
type deepOf struct {
	snapshot *watch.List
	read     int
	done     bool
}

// snapshot is the newest one, with what is in the older pages where these are looked through.
func (l *listLook) snapshot() *watch.List {
	s := l.viewer.Snapshot()
	if !l.filter.Deep() || s.At.IsZero() {
		return s
	}
	read := l.h.older.Of(l.h.olderOf(l.reader, l.filter.Query), l.h.lent(l.reader).Caller)
	if of := (deepOf{s, len(read.All), read.Done}); l.deep == nil || l.of != of {
		l.deep, l.of = l.filter.Deepen(s, read), of
	}
	return l.deep
}

func (h *ticketPages) olderOf(v Viewer, q coc.TicketQuery) older.List {
	of := older.List{Account: v.Actor.AccountID, Project: v.Caller.ProjectID, Query: q}
	if of.Project == "" {
		of.Session = v.SessionKey // a token of account scope shares nothing
	}
	return of
}

// countTeam is how many tickets the reader's teams have; -1 while that is not known, or where they are in none.
func (h *ticketPages) countTeam(ctx context.Context, v Viewer) int64 {
	f := listing.New()
	f.Scope = listing.ScopeTeam
	if f.For(operate.PersonOf(v.Actor), h.rules.Rules()); f.Alone || ctx.Err() != nil {
		return -1
	}
	read := h.older.Of(h.olderOf(v, coc.TicketQuery{}), h.lent(v).Caller)
	return f.CountTeam(read, func(t coc.TicketSummary) bool {
		shown := coc.Ticket{ExecuteUUID: t.ExecuteUUID, ScriptName: t.Name, Creator: t.Creator, Status: t.Status}
		return h.maySee(v, shown)
	})
}
