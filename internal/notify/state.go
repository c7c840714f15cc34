package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"coc-console/internal/notify/target"
	"coc-console/internal/store"
)

// Status is what managers see.
type Status struct {
	On      bool   // a file is named
	File    string // its path
	Broken  error  // why its last change is not in force; nil: it is
	Targets []TargetStatus
	Dead    []DeadLetter
}

// TargetStatus is one target of the file.
type TargetStatus struct {
	Name, Kind, Host string // Host is what may be shown of its address
	store.NoticeTarget
}

// DeadLetter is a message that was given up.
type DeadLetter struct {
	Number   int64
	Target   string
	Event    Event
	At       time.Time // when it was given up
	Attempts int
	Problem  string
}

// maxDead is how many dead letters are shown.
const maxDead = 100

// Status reads how sending goes.
func (n *Notifier) Status(ctx context.Context) (Status, error) {
	s := Status{On: n.cfg.File != "", File: n.cfg.File}
	if broken := n.broken.Load(); broken != nil {
		s.Broken = *broken
	}
	states, err := n.cfg.Rows.Targets(ctx)
	if err != nil {
		return s, err
	}
	routing, states := n.routing.Load(), merged(states)
	for _, t := range routing.Targets {
		one := TargetStatus{Name: t.Name, Kind: string(t.Kind), NoticeTarget: states[t.Name]}
		if address, err := routing.address(t); err == nil {
			one.Host = address.Host()
		}
		s.Targets = append(s.Targets, one)
	}
	dead, err := n.cfg.Rows.Dead(ctx, maxDead)
	if err != nil {
		return s, err
	}
	for _, d := range dead {
		letter := DeadLetter{Number: d.Number, Target: d.Target, At: d.Dead, Attempts: d.Attempts, Problem: d.Problem}
		_ = json.Unmarshal([]byte(d.Body), &letter.Event) // what can't be read has no name
		s.Dead = append(s.Dead, letter)
	}
	return s, nil
}

// Counts are the notices that wait and the dead letters, by target: of the file's, and of others that have any.
func (n *Notifier) Counts(ctx context.Context) (map[string]store.NoticeTarget, error) {
	all, err := n.cfg.Rows.Targets(ctx)
	if err != nil {
		return nil, err
	}
	all = merged(all)
	for _, t := range n.routing.Load().Targets {
		one := all[t.Name]
		one.Name = t.Name
		all[t.Name] = one
	}
	return all, nil
}

// The errors of what managers do.
var (
	ErrNoTarget = errors.New("there is no such target")
	ErrNoLetter = errors.New("there is no such dead letter")
)

// SendAgain has a dead letter tried again, behind what waits.
func (n *Notifier) SendAgain(ctx context.Context, number int64) error {
	err := n.cfg.Rows.SendAgain(ctx, number, n.cfg.Now())
	if errors.Is(err, store.ErrNotFound) {
		return ErrNoLetter
	}
	n.awake()
	return err
}

// SendTest sends a test message to a target, once and at once: one for people to its own from. An error that is a
// *target.Error is the target's. After a success a target that wanted no more gets messages again.
func (n *Notifier) SendTest(ctx context.Context, name, who string) error {
	routing := n.routing.Load()
	t, known, err := n.targetOf(ctx, name)
	if err != nil {
		return err
	}
	if !known {
		return ErrNoTarget
	}
	address, err := routing.address(t)
	if err != nil {
		return &target.Error{Text: err.Error()}
	}
	address.Resolver = n.cfg.Resolver
	now := n.cfg.Now()
	e := Event{Name: Test, Severity: Info, Time: now, Who: who}
	e.ID = n.id(now.UnixMicro(), Test)
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("write a test: %w", err)
	}
	if err := address.Send(ctx, n.message(t, store.Notice{Body: string(body)}), now); err != nil {
		n.cfg.Sent(t.Name, "failed")
		return err
	}
	n.cfg.Sent(t.Name, "sent")
	if err := n.cfg.Rows.SaveTarget(ctx, store.NoticeTarget{Name: name, Sent: now}); err != nil {
		return err
	}
	n.awake()
	return nil
}

// Tested is what came of a test message.
type Tested struct {
	Target string
	Err    error  // nil: the target took it
	Do     string // what to do about it, where that is known
}

// TestAll sends a test message to each target of a file. An error says what is wrong with the file.
func TestAll(ctx context.Context, file string, now time.Time) ([]Tested, error) {
	routing, err := Load(file)
	if err != nil {
		return nil, err
	}
	all := make([]Tested, len(routing.Targets))
	for i, t := range routing.Targets {
		e := Event{ID: fmt.Sprintf("coc_check_%d", now.UnixMicro()), Name: Test, Severity: Info, Time: now}
		address, err := routing.address(t)
		if err == nil {
			err = address.Send(ctx, render(e, t, "urn:coc-console:check"), now)
		}
		all[i] = Tested{Target: t.Name, Err: err}
		if failed, ok := errors.AsType[*target.Error](err); ok {
			all[i].Do = failed.Do
		}
	}
	return all, nil
}
