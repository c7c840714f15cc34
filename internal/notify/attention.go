package notify

import (
	"context"
	"slices"
	"time"

	"coc-console/internal/policy"
	"coc-console/internal/store"
)

// Attention is what the console's own user sees of tickets that need attention.
type Attention struct {
	Account string // its name
	Tickets []AttentionTicket
	All     bool // there are no others
}

// AttentionTicket is one of them.
type AttentionTicket struct{ ID, Name, Creator string }

// What is kept of such tickets: each that was told, for as long as it needs attention and not longer than told again;
// and that there was a first look.
const (
	timerTicket = timerOnce + "ticket/"
	timerLooked = timerOnce + "tickets"
	againAfter  = 30 * 24 * time.Hour
	forever     = 100 * 365 * 24 * time.Hour
)

// attentionEvery is how often tickets are asked for.
const attentionEvery = time.Minute

// planAttention tells of tickets that have come to need attention since the last look. That COC can't be asked keeps
// nothing else waiting.
func (n *Notifier) planAttention(ctx context.Context) error {
	now := n.cfg.Now()
	n.mu.Lock()
	last := n.found
	n.found = nil
	n.mu.Unlock()
	if n.cfg.Attention != nil && now.Sub(n.listed).Abs() >= attentionEvery {
		n.listed = now
		n.work.Go(func() { n.look(ctx) })
	}
	if last == nil {
		return nil
	}
	if last.err != nil && !n.deaf && ctx.Err() == nil { // once, not every minute
		n.cfg.Logger.Warn("tickets that need attention not listed, retrying", "error", last.err)
	}
	if n.deaf = last.err != nil; n.deaf {
		return nil
	}
	return n.planTickets(ctx, last.Attention)
}

// looked is what came of a look at the tickets.
type looked struct {
	Attention
	err error
}

// look asks for tickets beside everything else: it may take long.
func (n *Notifier) look(ctx context.Context) {
	found, err := n.cfg.Attention(ctx)
	n.mu.Lock()
	n.found = &looked{found, err}
	n.mu.Unlock()
	n.awake()
}

func (n *Notifier) planTickets(ctx context.Context, found Attention) error {
	now := n.cfg.Now()
	log, position, err := n.cfg.Rows.Position(ctx)
	if err != nil {
		return err
	}
	known, err := n.cfg.Rows.Timers(ctx, timerOnce+"ticket")
	if err != nil {
		return err
	}
	p := &plan{NoticePlan: store.NoticePlan{Log: log, From: position, To: position}}
	first := !slices.Contains(known, timerLooked)
	if first {
		p.Start = append(p.Start, store.NoticeTimer{ID: timerLooked, Due: now.Add(forever)})
	}
	still := map[string]bool{timerLooked: true}
	for _, t := range found.Tickets {
		id := timerTicket + t.ID
		if still[id] = true; slices.Contains(known, id) {
			continue
		}
		p.Start = append(p.Start, store.NoticeTimer{ID: id, Due: now.Add(againAfter)})
		if !first {
			if err := n.add(ctx, p, n.attention(t, found.Account, now)); err != nil {
				return err
			}
		}
	}
	for _, id := range known {
		if found.All && !still[id] {
			p.Stop = append(p.Stop, id)
		}
	}
	if len(p.Start)+len(p.Stop) == 0 {
		return nil
	}
	return n.cfg.Rows.Store(ctx, p.NoticePlan)
}

func (n *Notifier) attention(t AttentionTicket, account string, now time.Time) Event {
	e := Event{Name: TicketNeedsAttention, Severity: severities[TicketNeedsAttention], Time: now, Ticket: t.ID,
		TicketName: t.Name, Creator: t.Creator,
		Teams: n.cfg.Rules.Rules().TeamsOf(policy.Person{UserName: t.Creator, AccountName: account})}
	e.ID = n.id(now.UnixMicro(), e.Name) + "_" + t.ID
	e.account = account
	e.about = &policy.Ticket{ID: t.ID, Name: t.Name, Creator: t.Creator, Account: account}
	e.Path = pathOf(e)
	return e
}
