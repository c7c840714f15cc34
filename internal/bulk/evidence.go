package bulk

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/internal/store"
)

// digest is what the log keeps of a bulk operation's targets.
func digest(items []Item) string {
	h := sha256.New()
	for _, i := range items {
		fmt.Fprintf(h, "%d %s %s %d %d\n", i.N, i.Ticket, i.Operation.Type, i.Operation.BatchIndex,
			i.Operation.InstanceID)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// evidence is what the log says of a bulk operation.
type evidence struct {
	started *audit.Record
	run     int          // of the last time that it was started or continued
	stopped map[int]bool // the runs that were stopped
	ended   bool
	sent    map[coc.Operation]sentItems // requests of its items
}

// sentItems are the keys of requests, by their tickets.
type sentItems map[coc.ExecuteUUID]string

// readLog reads what the log says of a bulk operation.
func (s *Service) readLog(ctx context.Context, o Operation) (evidence, error) {
	l := evidence{stopped: map[int]bool{}, sent: map[coc.Operation]sentItems{}}
	err := s.eachSince(ctx, "job.", o, func(r audit.Record) {
		run := operate.ParseDetail(r.Detail).Run
		switch r.Action {
		case audit.ActionJobStarted:
			l.started = &r
		case audit.ActionJobContinued:
			l.run = max(l.run, run)
		case audit.ActionJobStopped:
			l.stopped[run] = true
		case audit.ActionJobEnded:
			l.ended = true
		}
	})
	if err != nil || l.started == nil {
		return l, err
	}
	return l, s.eachSince(ctx, audit.ActionOperationRequested, o, func(r audit.Record) {
		op := coc.Operation{Type: coc.OperationType(r.OperationType), BatchIndex: r.BatchIndex,
			InstanceID: r.InstanceID}
		if l.sent[op] == nil {
			l.sent[op] = sentItems{}
		}
		l.sent[op][coc.ExecuteUUID(r.Ticket)] = r.OperationID
	})
}

// eachSince calls f with the records of a bulk operation and an action, newest first.
func (s *Service) eachSince(ctx context.Context, action audit.Action, o Operation, f func(audit.Record)) error {
	q := search.Query{Action: action, From: o.Created.Add(-operate.ClaimLife), Limit: search.MaxLimit,
		Visible: search.Visibility{All: true}}
	for {
		page, err := s.index.Search(ctx, q)
		if err != nil {
			return fmt.Errorf("search the log for bulk operation %s: %w", o.ID, err)
		}
		for _, r := range page.Records {
			if operate.ParseDetail(r.Detail).Job == o.ID {
				f(r)
			}
		}
		if q.Before = page.Next; q.Before == 0 {
			return nil
		}
	}
}

// proves reports whether the log tells that whoever the row names started this
// bulk operation with these items.
func (l evidence) proves(o Operation) bool {
	return l.started != nil && operate.SamePerson(l.started.Actor, o.Actor) &&
		l.started.OperationType == string(o.Type) &&
		operate.ParseDetail(l.started.Detail).Items == digest(o.Items)
}

// startLife is how long after its confirmation a bulk operation may start whose
// record a process's end cut off. Later nobody expects it to.
const startLife = time.Hour

// followLog checks that the log tells of a bulk operation what its rows say,
// and brings the rows to where the log is. It completes the record of the start
// where the end of a process cut it off: o is authentic, and a console has
// stored it. The result says whether it may run.
func (s *Service) followLog(ctx context.Context, o *Operation) (bool, error) {
	known, err := s.readLog(ctx, *o)
	if err != nil {
		return false, err
	}
	untouched := !slices.ContainsFunc(o.Items, func(i Item) bool { return i.State != ItemWaiting })
	switch {
	case known.started == nil && untouched && s.now().Sub(o.Created).Abs() <= startLife:
		if _, err := s.log.Append(ctx, o.record(audit.ActionJobStarted, o.Actor, o.origin)); err != nil {
			o.proven = false
			return false, fmt.Errorf("record the start of bulk operation %s: %w", o.ID, err)
		}
		o.proven = true
		return true, nil
	case known.started == nil && untouched:
		return false, s.halt(ctx, *o, operate.NoteNotSent)
	case !known.proves(*o):
		return false, s.reject(ctx, *o)
	case known.ended:
		_, err := s.setState(ctx, o.ID, Ended)
		return false, err
	case known.stopped[o.terms.Run], known.run != o.terms.Run: // the row was put back from before
		_, err := s.setState(ctx, o.ID, Stopped)
		return false, err
	}
	o.proven = true
	return true, s.followItems(ctx, o, known)
}

// followItems marks the items that the log has as requested, under whichever
// key: their rows may have been put back from before.
func (s *Service) followItems(ctx context.Context, o *Operation, known evidence) error {
	for n, i := range o.Items {
		key := known.sent[i.Operation][i.Ticket]
		if key == "" || i.State == ItemSent && i.Key == key {
			continue
		}
		changed, err := s.changeItem(ctx, i, func(row *store.ItemRow) {
			row.State, row.Key, row.Problem = string(ItemSent), key, ""
		})
		if err != nil {
			return err
		}
		o.Items[n] = changed
	}
	return nil
}

// Records are those about a bulk operation itself and of all that it sent, oldest first.
func (s *Service) Records(ctx context.Context, o Operation) (all []audit.Record, err error) {
	if err = s.eachSince(ctx, "job.", o, func(r audit.Record) { all = append(all, r) }); err != nil {
		return nil, err
	}
	var sent []string
	for _, i := range o.Items {
		if i.State == ItemSent {
			sent = append(sent, i.Key)
		}
	}
	for some := range slices.Chunk(sent, search.MaxLimit/10) {
		of, err := s.index.Operations(ctx, some)
		if err != nil {
			return nil, fmt.Errorf("read what bulk operation %s sent: %w", o.ID, err)
		}
		for _, records := range of {
			all = append(all, records...)
		}
	}
	slices.SortFunc(all, func(a, b audit.Record) int { return cmp.Compare(a.Sequence, b.Sequence) })
	return all, nil
}
