package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/internal/policy"
	"coc-console/internal/store"
)

// Choice is what somebody wants to hear of by mail.
type Choice struct {
	Person   string    `json:"person"`           // account/user
	Groups   string    `json:"groups,omitempty"` // at the company's provider, one in a line, at the last sign-in
	Asked    bool      `json:"asked,omitempty"`  // how their requests end
	Tickets  bool      `json:"tickets,omitempty"`
	Teams    bool      `json:"teams,omitempty"` // what waits or goes wrong in their teams
	Quiet    *Quiet    `json:"quiet,omitempty"` // hours in which only what is urgent is sent
	Language string    `json:"language"`
	Zone     string    `json:"zone"`
	Seen     time.Time `json:"seen"` // the last sign-in
}

// seenWithin is how long after somebody's last sign-in their mail goes on: who has left signs in no more.
const seenWithin = 30 * 24 * time.Hour

// choiceName is the name of a Choice among what somebody has chosen.
const choiceName = "notices"

// The events of each choice. How one's own request ends is told by all that can end it.
var (
	ofAsked = []Name{ApprovalApproved, ApprovalRejected, ApprovalExpired, ApprovalReturned, ElevationApproved,
		ElevationRejected, OperationNotConfirmed, OperationUnknown, OperationRejected, BulkEnded}
	ofTeams = []Name{ApprovalWaiting, ApprovalExpiring, OverrideUsed, OperationNotConfirmed, OperationUnknown,
		TicketNeedsAttention}
)

// account and name are the parts of a person.
func (c Choice) parts() (account, name string) {
	account, name, ok := strings.Cut(c.Person, "/")
	if !ok {
		return "", account
	}
	return account, name
}

// wants reports whether an event is one that was chosen, and may be sent now.
func (c Choice) wants(e Event, rules *policy.Rules, now time.Time) bool {
	if c.Quiet != nil && e.Severity != Urgent && c.Quiet.holds(now) {
		return false
	}
	account, name := c.parts()
	who := policy.Person{UserName: name, AccountName: account, Groups: c.Groups}
	switch {
	case e.Who == c.Person:
		return c.Asked && slices.Contains(ofAsked, e.Name)
	case c.Tickets && e.Name == TicketNeedsAttention && e.Creator == name && e.account == account:
	case c.Teams && slices.Contains(ofTeams, e.Name) && slices.ContainsFunc(rules.TeamsOf(who), func(t string) bool {
		return slices.Contains(e.Teams, t)
	}):
	default:
		return false
	}
	return e.about == nil || rules.Decide(policy.Request{Person: who, Action: policy.View, Ticket: e.about,
		Circumstances: policy.Circumstances{At: now.Local()}}).Allowed
}

// personal is the target that sends mail to people by their own choice; false where the file has none.
func (r *Routing) personal() (Target, bool) {
	i := slices.IndexFunc(r.Targets, func(t Target) bool { return t.People != nil })
	if i < 0 {
		return Target{}, false
	}
	return r.Targets[i], true
}

// plainName is a user's name that can stand in the place of a * in an address.
var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$`)

// addressOf is the address of mail that the file has for a person.
func (t Target) addressOf(person string) (string, bool) {
	if address, ok := t.People[person]; ok {
		return address, true
	}
	account, name, _ := strings.Cut(person, "/")
	address, ok := t.People[account+"/*"]
	if !ok || !plainName.MatchString(name) {
		return "", false
	}
	return strings.Replace(address, "*", name, 1), true
}

// of is the target as it is for one person.
func (t Target) of(person string) (Target, bool) {
	address, ok := t.addressOf(person)
	t.To = []string{address}
	return t, ok
}

// checkPeople checks a target's people, and gives it an address to check the rest by.
func (r *Routing) checkPeople(i int) error {
	t := &r.Targets[i]
	if t.People == nil {
		return nil
	}
	if len(t.To) > 0 || slices.ContainsFunc(r.Targets[:i], func(o Target) bool { return o.People != nil }) {
		return errors.New("people are in the place of to, and of one target alone")
	}
	for person, address := range t.People {
		account, name, ok := strings.Cut(person, "/")
		if !ok || account == "" || name == "" || (name == "*") != (strings.Count(address, "*") == 1) {
			return fmt.Errorf("people: %q: %q is not account/user with an address, or account/* with *@example.com", person, address)
		}
		t.To = append(t.To, strings.Replace(address, "*", "name", 1))
	}
	slices.Sort(t.To)
	return nil
}

// baseOf is the name that the file has for a target: those of people are NAME/account/user, those of a mailbox that
// couldn't take something at once NAME/ADDRESS.
func baseOf(target string) string {
	name, _, _ := strings.Cut(target, "/")
	return name
}

// merged are targets by the names of the file: those of people are one.
func merged(all map[string]store.NoticeTarget) map[string]store.NoticeTarget {
	out := map[string]store.NoticeTarget{}
	for name, t := range all {
		one, known := out[baseOf(name)]
		if !known || t.Failing.After(one.Failing) {
			waiting, dead, sent := one.Waiting, one.Dead, one.Sent
			one = t
			one.Waiting, one.Dead, one.Sent = waiting, dead, sent
		}
		one.Name = baseOf(name)
		one.Waiting, one.Dead = one.Waiting+t.Waiting, one.Dead+t.Dead
		if t.Sent.After(one.Sent) {
			one.Sent = t.Sent
		}
		out[one.Name] = one
	}
	return out
}

// choices are what people have chosen.
func (n *Notifier) choices(ctx context.Context) ([]Choice, error) {
	saved, err := n.cfg.Choices.OfAll(ctx, store.SavedChoices, choiceName)
	if err != nil {
		return nil, err
	}
	all := make([]Choice, 0, len(saved))
	for _, text := range saved {
		if c, err := parseChoice(text); err == nil {
			all = append(all, c)
		} else {
			n.cfg.Logger.WarnContext(ctx, "somebody's choice of notices can't be read", "error", err)
		}
	}
	return all, nil
}

func parseChoice(text string) (c Choice, err error) {
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return c, fmt.Errorf("read a choice of notices: %w", err)
	}
	if c.Quiet != nil {
		err = c.Quiet.check()
	}
	return c, err
}

// choiceOf is what somebody has chosen; nothing where they have not.
func (n *Notifier) choiceOf(ctx context.Context, userID string) (Choice, error) {
	saved, err := n.cfg.Choices.List(ctx, store.SavedChoices, userID)
	if err != nil {
		return Choice{}, err
	}
	for _, one := range saved {
		if one.Name == choiceName {
			return parseChoice(one.Query)
		}
	}
	return Choice{}, nil
}

func (n *Notifier) choose(ctx context.Context, userID string, c Choice) error {
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("write a choice of notices: %w", err)
	}
	return n.cfg.Choices.Save(ctx, store.SavedChoices, userID, store.SavedQuery{Name: choiceName, Query: string(text)},
		n.cfg.Now())
}

// signedIn notes a sign-in, or other groups at a renewal, in a choice: that its person is still here, and in which
// groups.
func (n *Notifier) signedIn(ctx context.Context, r audit.Record) error {
	c, err := n.choiceOf(ctx, r.Actor.UserID)
	if err != nil || c.Person == "" || r.When().Before(c.Seen) {
		return err
	}
	c.Person, c.Groups, c.Seen = person(r.Actor), r.Actor.Groups, r.When()
	return n.choose(ctx, r.Actor.UserID, c)
}

// peopleFor are the targets of the people who have chosen to hear of an event.
func (n *Notifier) peopleFor(ctx context.Context, p *plan, e Event) ([]string, error) {
	t, ok := n.routing.Load().personal()
	if !ok {
		return nil, nil
	}
	if p.choices == nil {
		all, err := n.choices(ctx)
		if err != nil {
			return nil, err
		}
		p.choices = &all
	}
	var names []string
	now := n.cfg.Now()
	for _, c := range *p.choices {
		_, known := t.addressOf(c.Person)
		if known && now.Sub(c.Seen) < seenWithin && c.wants(e, n.cfg.Rules.Rules(), now) {
			names = append(names, t.Name+"/"+c.Person)
		}
	}
	return names, nil
}

// targetOf is a target by the name that notices have: for a person in their language and zone.
func (n *Notifier) targetOf(ctx context.Context, name string) (Target, bool, error) {
	t, known := n.routing.Load().target(baseOf(name))
	_, who, personal := strings.Cut(name, "/")
	if !known || !personal {
		return t, known, nil
	}
	if t.People == nil {
		known = slices.Contains(t.To, who)
		t.To = []string{who}
		return t, known, nil
	}
	t, known = t.of(who)
	all, err := n.choices(ctx)
	for _, c := range all {
		if c.Person != who {
			continue
		}
		if l, ok := i18n.Parse(c.Language); ok {
			t.language = l
		}
		if z, ok := i18n.Zone(c.Zone); ok {
			t.zone = z
		}
	}
	return t, known, err
}
