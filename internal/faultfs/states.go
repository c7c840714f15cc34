package faultfs

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
)

// The units of what a disk writes as one: a sector is written or not, a page
// of the cache may be written in part.
const (
	sector = 512
	page   = 4096
)

// Files are the files of a disk as a power cut may leave them, while the
// events of a recording are played.
//
// What was written before a file's last sync is on the disk. Of what came
// later, each write may be there whole, in part or not at all, whatever became
// of the others, and an older write may be there in the place of a younger
// one. A write changes no byte beside its own, as SQLite too expects of a disk.
//
// A sync that fails leaves what came before it in doubt for good: the kernel
// has said so once and takes it for written, and later syncs do not write it
// again. What comes after it lies over it.
type Files struct{ files map[string]*file }

type file struct {
	there   bool
	durable []byte
	over    []stage // over what is durable, the lowest first
	pending []Event
}

// stage are calls that a sync has followed.
type stage struct {
	calls  []Event
	failed bool // the sync did
}

// NewFiles is an empty folder.
func NewFiles() *Files { return &Files{map[string]*file{}} }

// Play adds an event.
func (f *Files) Play(e Event) {
	if e.Kind == Mark {
		return
	}
	one := f.files[e.File]
	if one == nil {
		one = &file{}
		f.files[e.File] = one
	}
	if e.Kind == Unsynced {
		one.over = append(one.over, stage{one.pending, true})
		one.pending = nil
		return
	}
	one.pending = append(one.pending, e)
	if e.Kind != Sync {
		return
	}
	if !one.there || one.deleted() > 0 {
		f.syncFolder()
	}
	one.settle(len(one.pending))
}

// syncFolder is what SQLite does with the first sync of a journal or of a
// write-ahead log that it has made: what it deleted before is gone for good.
func (f *Files) syncFolder() {
	for _, one := range f.files {
		one.settle(one.deleted())
	}
}

// Pending is the number of calls that no sync has followed yet.
func (f *Files) Pending() (n int) {
	for _, one := range f.files {
		n += len(one.pending)
	}
	return n
}

// Cut returns a state in which a power cut may leave the files, by name. The
// same numbers give the same state.
func (f *Files) Cut(random *rand.Rand) map[string][]byte {
	state := map[string][]byte{}
	for _, name := range slices.Sorted(maps.Keys(f.files)) {
		if there, data := f.files[name].cut(random); there {
			state[name] = data
		}
	}
	return state
}

// settle makes the first pending calls durable.
func (f *file) settle(n int) {
	calls := f.pending[:n]
	f.pending = f.pending[n:]
	if slices.ContainsFunc(calls, func(e Event) bool { return e.Kind == Delete }) {
		f.over = nil
	}
	if len(f.over) > 0 {
		f.over = append(f.over, stage{calls: calls})
	} else {
		f.there, f.durable = apply(f.there, f.durable, calls)
	}
}

// deleted is the number of pending calls up to the last deletion, 0 without one.
func (f *file) deleted() int {
	for i := len(f.pending); i > 0; i-- {
		if f.pending[i-1].Kind == Delete {
			return i
		}
	}
	return 0
}

func (f *file) cut(random *rand.Rand) (bool, []byte) {
	there, data, pending := f.there, bytes.Clone(f.durable), life(random, f.pending)
	for _, l := range f.over {
		calls := l.calls
		if l.failed {
			calls = survivors(random, calls)
		}
		there, data = apply(there, data, calls)
	}
	if len(pending) > 0 && pending[0].Kind == Delete {
		there, data, pending = false, nil, pending[1:]
	}
	return apply(there, data, survivors(random, pending))
}

// life is what one of the files that had the name got, from the deletion of the
// one before: the folder has one of them.
func life(random *rand.Rand, pending []Event) []Event {
	lives := [][]Event{nil}
	for _, e := range pending {
		if e.Kind == Delete {
			lives = append(lives, nil)
		}
		lives[len(lives)-1] = append(lives[len(lives)-1], e)
	}
	return lives[random.IntN(len(lives))]
}

// survivors are the calls, or parts of them, that reach the disk.
func survivors(random *rand.Rand, pending []Event) (out []Event) {
	odds := []float64{0, 1, 0.5, 0.9, 0.1}[random.IntN(5)]
	tears, mixes := random.IntN(2) == 0, random.IntN(3) == 0
	for _, e := range pending {
		switch {
		case random.Float64() >= odds:
		case tears && e.Kind == Write:
			out = append(out, torn(random, e)...)
		default:
			out = append(out, e)
		}
	}
	if mixes {
		random.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	}
	return out
}

// torn returns the parts of a write that reach the disk.
func torn(random *rand.Rand, e Event) (parts []Event) {
	start, end := e.Offset, e.Offset+int64(len(e.Data))
	part := func(from, to int64) {
		if from, to = max(from, start), min(to, end); from < to {
			parts = append(parts, Event{Kind: Write, File: e.File, Offset: from, Data: e.Data[from-start : to-start]})
		}
	}
	switch random.IntN(4) {
	case 0: // sectors of any choice
		for at := start / sector * sector; at < end; at += sector {
			if random.IntN(2) == 0 {
				part(at, at+sector)
			}
		}
	case 1: // up to a sector
		part(start, (start+random.Int64N(end-start))/sector*sector)
	case 2: // from a sector on
		part((start+random.Int64N(end-start))/sector*sector, end)
	case 3: // half of every page
		half := random.Int64N(2) * page / 2
		for at := start / page * page; at < end; at += page {
			part(at+half, at+half+page/2)
		}
	}
	return parts
}

// apply makes the calls in a copy of a file.
func apply(there bool, data []byte, calls []Event) (bool, []byte) {
	for _, e := range calls {
		switch e.Kind {
		case Write:
			there, data = true, grown(data, e.Offset+int64(len(e.Data)))
			copy(data[e.Offset:], e.Data)
		case Truncate:
			there, data = true, grown(data, e.Offset)[:e.Offset]
		case Delete:
			there, data = false, nil
		case Sync:
			there = true
		case Unsynced, Mark:
		}
	}
	return there, data
}

// grown is data with at least that size, with zeros in what was never written.
func grown(data []byte, size int64) []byte {
	if short := size - int64(len(data)); short > 0 {
		data = append(data, make([]byte, short)...)
	}
	return data
}
