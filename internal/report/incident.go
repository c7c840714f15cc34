package report

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/coc"
	"coc-console/internal/course"
	"coc-console/internal/history"
	"coc-console/internal/operate"
	"coc-console/internal/present"
	"coc-console/internal/store"
	"coc-console/internal/watch"
)

// IncidentAddress is the page of an incident report.
const IncidentAddress = "/audit/incident"

// MaxTickets is how many tickets an incident names at most.
const MaxTickets = 50

// before is how long before a period an operation may have been requested that explains a change in it.
const before = 24 * time.Hour

// Incident is a report on a period and its tickets.
type Incident struct {
	Report
	Tickets []string // none: all
	Outside []Outside
	// Unseen says that nobody could tell what was seen at COC.
	Unseen bool

	first, last time.Time // of the operations' records; zero: there are none
}

// Outside is something that was seen at COC and that nobody asked for here: a change of the ticket's state, or
// instances that were cancelled beside those that an operation chose.
type Outside struct {
	Ticket      string
	State       string // wire value that was seen
	After, Seen time.Time
	Instances   []int64
	Record      int64 // that says so; 0: none, it is what the console saw
}

// Seen is what was seen of a ticket at COC, oldest first.
type Seen func(ctx context.Context, account, project, ticket string) ([]watch.Event, error)

// SeenIn reads what consoles with this database saw.
func SeenIn(db store.DB) Seen {
	return func(ctx context.Context, account, project, ticket string) ([]watch.Event, error) {
		past, err := history.Read(ctx, db, watch.Key{Account: account, Project: project,
			Ticket: coc.ExecuteUUID(ticket)})
		return past.Events, err
	}
}

// ReadIncident reads a report on some tickets, or on all where there are none, for somebody who sees the whole log.
// Sums are those of Read. seen may be nil: what was done outside is not known then.
func ReadIncident(ctx context.Context, in *search.Index, p Period, tickets []string, seen Seen) (Incident, error) {
	r := Incident{Tickets: tickets, Unseen: seen == nil}
	var err error
	r.Report, err = read(ctx, in, p, search.Visibility{All: true}, tickets, r.take)
	if err != nil || seen == nil {
		return r, err
	}
	keys := map[store.TicketKey]bool{}
	for _, o := range r.Operations {
		keys[store.TicketKey{Account: o.Actor.AccountID, Project: o.Actor.ProjectID, Ticket: o.Ticket}] = true
	}
	for _, d := range r.Denied {
		keys[store.TicketKey{Account: d.Actor.AccountID, Project: d.Actor.ProjectID, Ticket: d.Ticket}] = true
	}
	for k := range keys {
		events, err := seen(ctx, k.Account, k.Project, k.Ticket)
		if err != nil {
			return r, fmt.Errorf("read what was seen of ticket %s: %w", k.Ticket, err)
		}
		if err := r.unexplained(ctx, in, k.Ticket, events); err != nil {
			return r, err
		}
	}
	slices.SortFunc(r.Outside, func(a, b Outside) int {
		return cmp.Or(a.Seen.Compare(b.Seen), cmp.Compare(a.Ticket, b.Ticket))
	})
	return r, nil
}

// take notes what an operation's records say beside its row.
func (r *Incident) take(records []audit.Record) {
	for _, one := range records {
		if r.first.IsZero() || one.Time.Before(r.first) {
			r.first = one.Time
		}
		if one.Time.After(r.last) {
			r.last = one.Time
		}
		if others := operate.ParseDetail(one.Detail).Others; len(others) > 0 {
			r.Outside = append(r.Outside, Outside{Ticket: one.Ticket, Instances: others, Seen: one.When(),
				Record: one.Sequence})
		}
	}
}

// unexplained adds the changes of a ticket that no operation of this console explains.
func (r *Incident) unexplained(ctx context.Context, in *search.Index, ticket string, events []watch.Event) error {
	var changes []watch.Event
	for _, e := range events {
		to := coc.TicketStatus(e.To)
		asked := to == coc.TicketPaused || to == coc.TicketCanceled ||
			to == coc.TicketProcessing && coc.TicketStatus(e.From) == coc.TicketPaused
		if e.Subject == watch.SubjectTicket && asked && !e.Seen.Before(r.From) && e.Seen.Before(r.To) {
			changes = append(changes, e)
		}
	}
	if len(changes) == 0 {
		return nil
	}
	found, err := in.Search(ctx, search.Query{Ticket: ticket, Action: "operation.", From: r.From.Add(-before), To: r.To,
		Limit: search.MaxLimit, Visible: search.Visibility{All: true}})
	if err != nil {
		return err
	}
	var deeds []course.Deed
	for _, one := range found.Records {
		deeds = append(deeds, present.DeedOf(one))
	}
	done := course.Operations(deeds)
	for _, e := range changes {
		if !course.Explained(e, done) {
			r.Outside = append(r.Outside, Outside{Ticket: ticket, State: e.To, After: e.After, Seen: e.Seen})
		}
	}
	return nil
}

// Evidence finds the records of the incident's bundle: those about its ticket, where it has one, else all; from the
// first record of its operations to the last, also where they are outside of the period.
func (r *Incident) Evidence() search.Query {
	q := search.Query{From: r.From, To: r.To, Visible: search.Visibility{All: true}}
	if !r.first.IsZero() && r.first.Before(q.From) {
		q.From = r.first
	}
	if end := r.last.Add(time.Microsecond); end.After(q.To) {
		q.To = end
	}
	if len(r.Tickets) == 1 {
		q.Ticket = r.Tickets[0]
	}
	return q
}

// IncidentOf is the address of an incident report about records: from the minute of the first to the minute after the
// last, about one ticket, or about all that the records name where it is empty.
func IncidentOf(records []audit.Record, ticket string) string {
	var from, to time.Time
	var tickets []string
	for _, r := range records {
		if from.IsZero() || r.Time.Before(from) {
			from = r.Time
		}
		if r.Time.After(to) {
			to = r.Time
		}
		if r.Ticket != "" && !slices.Contains(tickets, r.Ticket) && len(tickets) < MaxTickets {
			tickets = append(tickets, r.Ticket)
		}
	}
	if ticket != "" {
		tickets = []string{ticket}
	}
	p := Period{from.Truncate(time.Minute), to.Truncate(time.Minute).Add(time.Minute)}
	return present.Address(IncidentAddress, p.exact(tickets))
}

// exact is a period with its tickets as an address has them.
func (p Period) exact(tickets []string) url.Values {
	q := url.Values{"from": {p.From.UTC().Format(time.RFC3339)}, "to": {p.To.UTC().Format(time.RFC3339)}}
	if len(tickets) > 0 {
		q["ticket"] = tickets
	}
	return q
}
