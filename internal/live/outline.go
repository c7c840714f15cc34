package live

import (
	"encoding/binary"
	"encoding/hex"
	"hash/fnv"
	"slices"
)

// Outline is what a version of a page consists of, without its text: enough to tell what differs in another one.
type Outline struct {
	Digest string // of all parts in their order

	shape *shape
	own   bool     // the shape is not that of the version before
	sums  []uint64 // of the parts' HTML
}

// shape is which parts a page has. Versions that have the same share it.
type shape struct {
	ids, lists []string // of each part; a part that is in no list has an empty one
}

// outlineOf describes parts with those sums. last may be nil.
func outlineOf(parts []Fragment, sums []uint64, last *Outline) *Outline {
	same := func(ids, lists []string) bool {
		return slices.EqualFunc(parts, ids, func(f Fragment, id string) bool { return f.ID == id }) &&
			slices.EqualFunc(parts, lists, func(f Fragment, list string) bool { return f.List == list })
	}
	o := &Outline{sums: sums}
	if last != nil && same(last.shape.ids, last.shape.lists) {
		o.shape = last.shape
	} else {
		o.shape, o.own = &shape{}, true
		for _, f := range parts {
			o.shape.ids, o.shape.lists = append(o.shape.ids, f.ID), append(o.shape.lists, f.List)
		}
	}
	o.Digest = o.digest()
	return o
}

func (o *Outline) digest() string {
	whole := fnv.New128a()
	for i, id := range o.shape.ids {
		_, _ = whole.Write(binary.BigEndian.AppendUint64([]byte(id), o.sums[i]))
	}
	return hex.EncodeToString(whole.Sum(nil))
}

func sumOf(html []byte) uint64 {
	sum := fnv.New64a()
	_, _ = sum.Write(html)
	return sum.Sum64()
}

// size is about how many bytes it takes, with a shape of its own.
func (o *Outline) size() int {
	size := 200 + 8*len(o.sums)
	if !o.own {
		return size
	}
	for _, id := range o.shape.ids {
		size += 32 + len(id)
	}
	return size
}

// changed lists the parts that are not in have, or are others there, by their index.
func (o *Outline) changed(have *Outline) (all []int) {
	known := map[string]uint64{}
	if have != nil {
		for i, id := range have.shape.ids {
			known[id] = have.sums[i]
		}
	}
	for i, id := range o.shape.ids {
		if sum, ok := known[id]; !ok || sum != o.sums[i] {
			all = append(all, i)
		}
	}
	return all
}

// orders are the ids of each list's parts, by the list's id.
func (o *Outline) orders() map[string][]string {
	all := map[string][]string{}
	if o == nil {
		return all
	}
	for i, list := range o.shape.lists {
		if list != "" {
			all[list] = append(all[list], o.shape.ids[i])
		}
	}
	return all
}
