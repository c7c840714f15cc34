package web

import (
	"context"
	"fmt"
	"slices"
	"time"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/huawei"
	"coc-console/internal/iam"
	"coc-console/internal/operate"
	"coc-console/internal/watch"
)

// Observers find the token with which an operation's effect is looked for once
// its requester's session has ended: that of somebody who looks at the ticket,
// or of the service identity, where there is one.
type Observers struct {
	Sessions    *Sessions
	Watcher     *watch.Watcher
	Service     *iam.Service // nil: there is none
	UserProfile string       // sent to COC as x-user-profile; as a rule empty
}

// Caller returns the caller of a live session.
func (o Observers) Caller(ctx context.Context, key string) (coc.Caller, error) {
	return o.Sessions.Caller(ctx, key)
}

// View returns what the live view of a ticket has read last.
func (o Observers) View(key operate.ViewKey, session string) (operate.View, bool) {
	return viewOf(o.Watcher.Newest(watch.Key(key), session))
}

// NextView returns what the live view reads next.
func (o Observers) NextView(ctx context.Context, key operate.ViewKey, since time.Time) (operate.View, bool) {
	return viewOf(o.Watcher.Next(ctx, watch.Key(key), since))
}

func viewOf(s *watch.Snapshot, ok bool) (operate.View, bool) {
	if !ok {
		return operate.View{}, false
	}
	return operate.View{Ticket: s.Ticket, TicketBegan: s.TicketBegan, Statistics: s.Statistics,
		StatisticsBegan: s.StatisticsBegan, Rows: s.Rows}, true
}

// ViewerCaller returns the caller of somebody who looks, or of the service identity.
func (o Observers) ViewerCaller(ctx context.Context, ticket coc.ExecuteUUID, of audit.Actor,
	refused ...huawei.Credential) (coc.Caller, error) {
	key := watch.Key{Account: of.AccountID, Project: of.ProjectID, Ticket: ticket}
	if caller, ok := o.Watcher.ViewerCaller(ctx, key, refused...); ok {
		return caller, nil
	}
	if o.Service == nil {
		return coc.Caller{}, operate.ErrNobodyLooks
	}
	token, err := o.Service.Token(ctx, of.AccountID, of.AccountName, of.ProjectID, func(t huawei.Credential) bool {
		return slices.ContainsFunc(refused, t.Is)
	})
	if err != nil {
		return coc.Caller{}, fmt.Errorf("%w, and the service identity: %w", operate.ErrNobodyLooks, err)
	}
	return coc.Caller{Credential: token, Language: coc.EnUS, ProjectID: of.ProjectID, UserProfile: o.UserProfile}, nil
}
