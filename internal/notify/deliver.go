package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"coc-console/audit"
	"coc-console/internal/notify/target"
	"coc-console/internal/operate"
	"coc-console/internal/store"
)

// Life is how long a message is tried. Then it is a dead letter.
const Life = 24 * time.Hour

// The pauses after a failure double from the first to the last. A message that its target refuses for what it says is
// tried so often: those behind it wait.
const (
	firstPause = 5 * time.Second
	lastPause  = 15 * time.Minute
	maxRefused = 6
)

// longestRest is what a target may ask for between two attempts.
const longestRest = target.MaxAfter

// deadLife is how long dead letters are kept.
const deadLife = 30 * 24 * time.Hour

// Deliver sends what waits for a target, in its order, until nothing does or an attempt fails. Who calls it has the
// lease, and calls it for one target once at a time.
func (n *Notifier) Deliver(ctx context.Context, name string) error {
	for ctx.Err() == nil {
		state, err := n.cfg.Rows.Target(ctx, name)
		if err != nil {
			return err
		}
		if rest := state.Next.Sub(n.cfg.Now()); rest > 0 && rest <= longestRest { // more: the clock was set back
			return nil
		}
		waiting, err := n.cfg.Rows.Waiting(ctx, name, 1)
		if err != nil || len(waiting) == 0 {
			return err
		}
		on, err := n.deliver(ctx, waiting[0], state)
		if err != nil || !on {
			return err
		}
	}
	return nil
}

// deliver sends one notice. It reports whether the next one may be tried at once.
func (n *Notifier) deliver(ctx context.Context, one store.Notice, state store.NoticeTarget) (on bool, err error) {
	routing := n.routing.Load()
	t, known, err := n.targetOf(ctx, one.Target)
	if err != nil {
		return false, err
	}
	if !known {
		return true, n.giveUp(ctx, one, &target.Error{Text: "there is no such target any more"})
	}
	address, err := routing.address(t)
	if err != nil { // a file of a secret that can't be read: it may come back
		return false, n.failed(ctx, one, state, &target.Error{Text: err.Error()}, "")
	}
	address.Resolver = n.cfg.Resolver
	if state.Gone != "" && state.Gone == digest(address.URL) {
		return true, n.giveUp(ctx, one, &target.Error{Text: state.Problem})
	}
	claimed, err := n.cfg.Rows.Claim(ctx, one)
	if err != nil || !claimed {
		return false, err
	}
	one.Attempts++
	err = address.Send(ctx, n.message(t, one), n.cfg.Now())
	if err != nil && ctx.Err() != nil {
		return false, ctx.Err() // the console stops, and tries it again when it starts
	}
	whole := context.WithoutCancel(ctx)
	if err == nil {
		n.cfg.Sent(t.Name, "sent")
		return true, n.cfg.Rows.Sent(whole, one, n.cfg.Now())
	}
	failure, ok := errors.AsType[*target.Error](err)
	if !ok {
		failure = &target.Error{Text: "it failed"}
	}
	if failure.Partly { // those who have it would get it again
		n.cfg.Logger.WarnContext(ctx, "notice not sent to all", "target", one.Target, "error", failure)
		if err := n.later(whole, one, failure.Later); err != nil {
			return false, err
		}
		if failure.Refused {
			if err := n.record(whole, one, failure); err != nil {
				return false, err
			}
		}
		n.cfg.Sent(t.Name, "sent")
		return true, n.cfg.Rows.Sent(whole, one, n.cfg.Now())
	}
	n.cfg.Sent(t.Name, "failed")
	return false, n.failed(whole, one, state, failure, digest(address.URL))
}

// later has a notice wait for each of some mailboxes of its target by itself: neither those who have it, nor what comes
// after it, wait for them.
func (n *Notifier) later(ctx context.Context, one store.Notice, mailboxes []string) error {
	if len(mailboxes) == 0 {
		return nil
	}
	var p store.NoticePlan
	for _, to := range mailboxes {
		p.Notices = append(p.Notices,
			store.Notice{Target: baseOf(one.Target) + "/" + to, Body: one.Body, Created: one.Created})
	}
	err := store.ErrChanged
	for try := 0; try < 5 && errors.Is(err, store.ErrChanged); try++ { // records may be read in between
		if p.Log, p.From, err = n.cfg.Rows.Position(ctx); err == nil {
			p.To = p.From
			err = n.cfg.Rows.Store(ctx, p)
		}
	}
	return err
}

// failed notes a failure, and gives up what had its time.
func (n *Notifier) failed(ctx context.Context, one store.Notice, state store.NoticeTarget, why *target.Error,
	address string) error {
	now := n.cfg.Now()
	if state.Failing.IsZero() {
		state.Failing = now
		n.cfg.Logger.WarnContext(ctx, "notice not sent, retrying", "target", one.Target, "error", why)
	}
	state.Next = now.Add(max(pause(state.Failures), why.After))
	state.Failures++
	state.Problem = why.Text
	if why.Gone {
		state.Gone, state.Next = address, time.Time{} // the others are given up at once
	}
	over := why.Gone || now.Sub(one.Created) >= Life || why.Refused && one.Attempts >= maxRefused
	if over {
		if err := n.giveUp(ctx, one, why); err != nil {
			return err
		}
	}
	if err := n.cfg.Rows.SaveTarget(ctx, state); err != nil {
		return err
	}
	return n.giveUpOld(ctx, one.Target, why)
}

// giveUpOld gives up what waits behind a failure and had its time, too: each would wait for an attempt of its own.
func (n *Notifier) giveUpOld(ctx context.Context, name string, why *target.Error) error {
	waiting, err := n.cfg.Rows.Waiting(ctx, name, batch)
	if err != nil {
		return err
	}
	for _, one := range waiting {
		if n.cfg.Now().Sub(one.Created) < Life {
			return nil
		}
		if err := n.giveUp(ctx, one, why); err != nil {
			return err
		}
	}
	return nil
}

// pause is how long to wait after so many failures before.
func pause(failures int) time.Duration {
	if failures >= 8 { // 5 s doubled so often is more than the longest
		return lastPause
	}
	return min(firstPause<<failures, lastPause)
}

// giveUp makes a notice a dead letter, once the log has the record of it.
func (n *Notifier) giveUp(ctx context.Context, one store.Notice, why *target.Error) error {
	if err := n.record(ctx, one, why); err != nil {
		return err
	}
	n.cfg.Sent(baseOf(one.Target), "dead")
	return n.cfg.Rows.GiveUp(ctx, one.Number, why.Text, n.cfg.Now())
}

// record writes into the log that a notice did not get to its target, or not to all of it.
func (n *Notifier) record(ctx context.Context, one store.Notice, why *target.Error) error {
	var e Event
	_ = json.Unmarshal([]byte(one.Body), &e) // what can't be read has no name
	detail := operate.Detail{Error: fmt.Sprintf("%s, %d attempts: %s", e.Name, one.Attempts, why.Text)}
	_, err := n.cfg.Log.Append(ctx, audit.Record{Action: audit.ActionNoticeFailed, Outcome: audit.OutcomeFailed,
		Target: one.Target, Ticket: e.Ticket, Detail: detail.String()})
	if err != nil {
		return fmt.Errorf("record that a notice failed: %w", err)
	}
	return nil
}

// Purge forgets old dead letters.
func (n *Notifier) Purge(ctx context.Context) error {
	return n.cfg.Rows.Purge(ctx, n.cfg.Now().Add(-deadLife))
}
