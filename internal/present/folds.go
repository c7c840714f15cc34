package present

import (
	"slices"

	"coc-console/internal/coc"
	"coc-console/internal/watch"
	"coc-console/templates"
)

// FoldAbove is how many rows a table has before any are folded, and about how many it shows then.
const FoldAbove = 40

// shownFolded is how many rows a folded table shows: with all else on the page that is two windows.
const shownFolded = 36

// The values of InstanceFilter.Unfolded, and the kinds of folds.
const (
	UnfoldAll     = "all"
	foldFailed    = "FAILED"
	foldRunning   = "RUNNING"
	foldWaiting   = "WAITING"
	foldDone      = "DONE"
	UnfoldDone    = "done"
	UnfoldWaiting = "waiting"
)

// Fold leaves out rows of a long table, in the order in which they matter: the failed, what runs, the batch that is
// next, and what is done. Of a ticket that is over only the failed are shown. A table that somebody sorts or narrows to
// a state is whole.
func (f InstanceFilter) Fold(s *watch.Snapshot, rows []Row, over bool) (shown []Row, folds []templates.RowFold) {
	ended := over && slices.ContainsFunc(rows, func(r Row) bool { return r.Status.Failed() })
	if f.Unfolded == UnfoldAll || f.Sort != "" || f.Status != "" || len(rows) <= FoldAbove && !ended {
		return rows, nil
	}
	groups := map[string][]Row{}
	next := nextBatch(rows)
	for _, r := range rows {
		groups[kindOf(r)] = append(groups[kindOf(r)], r)
	}
	id, room := string(s.Ticket.ExecuteUUID), shownFolded
	take := func(kind string, most int) {
		all := groups[kind]
		n := min(len(all), max(most, 0))
		shown, room = append(shown, all[:n]...), room-n
		if rest := all[n:]; len(rest) > 0 {
			folds = append(folds, f.fold(id, kind, rest))
		}
	}
	take(foldFailed, room)
	take(foldRunning, room)
	waiting := groups[foldWaiting]
	most := len(slices.DeleteFunc(slices.Clone(waiting), func(r Row) bool { return r.Batch != next }))
	if most > room {
		most = 0
	}
	if f.Unfolded == UnfoldWaiting {
		most = len(waiting)
	}
	take(foldWaiting, most)
	done := len(groups[foldDone])
	if f.Unfolded != UnfoldDone && (done > room || ended) {
		done = 0
	}
	take(foldDone, done)
	return shown, folds
}

// fold is the line that stands for rows; its link shows them.
func (f InstanceFilter) fold(id, kind string, rest []Row) templates.RowFold {
	open := f
	switch {
	case f.Unfolded != "" || kind == foldFailed || kind == foldRunning:
		open.Unfolded = UnfoldAll
	case kind == foldDone:
		open.Unfolded = UnfoldDone
	default:
		open.Unfolded = UnfoldWaiting
	}
	x := templates.RowFold{Kind: kind, Count: len(rest), Address: open.address(id, "") + "#instances"}
	x.Rows = open.Unfolded
	x.First, x.Last = rest[0].Batch, rest[0].Batch
	for _, r := range rest {
		x.First, x.Last = min(x.First, r.Batch), max(x.Last, r.Batch)
	}
	return x
}

func kindOf(r Row) string {
	switch {
	case r.Status.Failed() || r.Status == coc.InstanceRolledBack:
		return foldFailed
	case r.Status == coc.InstanceReady:
		return foldWaiting
	case r.Status.Terminal():
		return foldDone
	}
	return foldRunning
}

// nextBatch is the first one in which something waits; 0 when nothing does.
func nextBatch(rows []Row) (next int32) {
	for _, r := range rows {
		if r.Status == coc.InstanceReady && (next == 0 || r.Batch < next) {
			next = r.Batch
		}
	}
	return next
}

// heads are the columns with the addresses that sort by them; the one that is chosen leads to its other direction.
func (f InstanceFilter) heads(id string) (all []templates.SortHead) {
	for _, name := range []string{SortState, SortHost, SortIP, SortBatch, SortZone, SortStart, SortDuration} {
		h := templates.SortHead{Name: name}
		next := f
		next.Sort = name
		if name == SortState {
			next.Sort = ""
		}
		switch {
		case f.Sort == next.Sort && name == SortState:
			h.Sorted = "descending"
		case f.Sort == name:
			h.Sorted, next.Sort = direction(name, false), "-"+name
		case f.Sort == "-"+name:
			h.Sorted = direction(name, true)
		}
		h.Address = next.address(id, "") + "#instances"
		all = append(all, h)
	}
	return all
}

// direction is how a column is sorted: times and durations have the newest and the longest first.
func direction(name string, reversed bool) string {
	if (name == SortStart || name == SortDuration) != reversed {
		return "descending"
	}
	return "ascending"
}
