package faultfs_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"coc-console/internal/faultfs"
)

func write(file string, offset int64, fill byte, n int) faultfs.Event {
	return faultfs.Event{Kind: faultfs.Write, File: file, Offset: offset, Data: bytes.Repeat([]byte{fill}, n)}
}

func synced(file string) faultfs.Event { return faultfs.Event{Kind: faultfs.Sync, File: file} }

func deleted(file string) faultfs.Event { return faultfs.Event{Kind: faultfs.Delete, File: file} }

// states makes many states after some events. An absent file is nil.
func states(file string, events ...faultfs.Event) (out [][]byte) {
	random := rand.New(rand.NewPCG(1, 2))
	files := faultfs.NewFiles()
	for _, e := range events {
		files.Play(e)
	}
	for range 500 {
		out = append(out, files.Cut(random)[file])
	}
	return out
}

// some requires that there is a state for which a condition holds.
func some(t *testing.T, what string, states [][]byte, holds func([]byte) bool) {
	t.Helper()
	if !slices.ContainsFunc(states, holds) {
		t.Errorf("never: %s", what)
	}
}

// all requires that a condition holds for every state.
func all(t *testing.T, what string, states [][]byte, holds func([]byte) bool) {
	t.Helper()
	for _, s := range states {
		if !holds(s) {
			t.Errorf("not always: %s", what)
			return
		}
	}
}

func has(s []byte, at int, fill byte) bool { return len(s) > at && s[at] == fill }

func TestWhatIsSyncedStays(t *testing.T) {
	got := states("f", write("f", 0, 'a', 4096), write("f", 4096, 'b', 4096), synced("f"))
	all(t, "synced bytes", got, func(s []byte) bool {
		return len(s) == 8192 && bytes.Count(s[:4096], []byte("a")) == 4096 && bytes.Count(s[4096:], []byte("b")) == 4096
	})
}

func TestWhatIsNotSyncedIsInDoubt(t *testing.T) {
	got := states("f", write("f", 0, 'a', 8192), synced("f"), write("f", 0, 'b', 4096), write("f", 4096, 'c', 4096), write("f", 0, 'd', 512))
	some(t, "nothing of it", got, func(s []byte) bool { return bytes.Count(s, []byte("a")) == 8192 })
	some(t, "all of it", got, func(s []byte) bool { return has(s, 0, 'd') && has(s, 512, 'b') && has(s, 8191, 'c') })
	some(t, "the second alone", got, func(s []byte) bool { return has(s, 0, 'a') && has(s, 4096, 'c') })
	some(t, "the older in the place of the younger", got, func(s []byte) bool { return has(s, 0, 'b') && has(s, 512, 'b') })
	some(t, "half a page", got, func(s []byte) bool {
		return has(s, 4096, 'c') && has(s, 6143, 'c') && has(s, 6144, 'a') && has(s, 8191, 'a')
	})
	some(t, "some sectors", got, func(s []byte) bool { return has(s, 1024, 'b') && has(s, 1536, 'a') && has(s, 2048, 'b') })
	all(t, "sectors are whole", got, func(s []byte) bool {
		for ; len(s) > 0; s = s[512:] {
			if bytes.Count(s[:512], s[:1]) != 512 {
				return false
			}
		}
		return true
	})
}

func TestFailedSync(t *testing.T) {
	failed := faultfs.Event{Kind: faultfs.Unsynced, File: "f"}
	got := states("f", write("f", 0, 'a', 4096), synced("f"), write("f", 0, 'b', 2048), failed, write("f", 512, 'c', 512), synced("f"))
	some(t, "what it was for is lost", got, func(s []byte) bool { return has(s, 0, 'a') && has(s, 1024, 'a') })
	some(t, "it is there", got, func(s []byte) bool { return has(s, 0, 'b') && has(s, 1024, 'b') })
	all(t, "what was synced later lies over it", got, func(s []byte) bool { return has(s, 512, 'c') && has(s, 1023, 'c') && has(s, 2048, 'a') })
	all(t, "it goes with its file", states("f", write("f", 0, 'a', 512), failed, deleted("f"), write("f", 512, 'b', 512), synced("f")),
		func(s []byte) bool { return has(s, 0, 0) && has(s, 512, 'b') })
}

func TestSizesAreInDoubt(t *testing.T) {
	longer := states("f", write("f", 0, 'a', 512), synced("f"), write("f", 1024, 'b', 512))
	some(t, "short", longer, func(s []byte) bool { return len(s) == 512 })
	some(t, "with a hole", longer, func(s []byte) bool { return len(s) == 1536 && has(s, 512, 0) && has(s, 1024, 'b') })
	shorter := states("f", write("f", 0, 'a', 1024), synced("f"), faultfs.Event{Kind: faultfs.Truncate, File: "f", Offset: 512})
	some(t, "long", shorter, func(s []byte) bool { return len(s) == 1024 })
	some(t, "cut off", shorter, func(s []byte) bool { return len(s) == 512 })
}

func TestDeletions(t *testing.T) {
	gone := []faultfs.Event{write("wal", 0, 'a', 512), synced("wal"), deleted("wal")}
	got := states("wal", gone...)
	some(t, "it is back", got, func(s []byte) bool { return has(s, 0, 'a') })
	some(t, "it is gone", got, func(s []byte) bool { return s == nil })
	anew := append(gone, write("wal", 512, 'b', 512))
	got = states("wal", anew...)
	some(t, "the old one", got, func(s []byte) bool { return has(s, 0, 'a') })
	some(t, "the new one", got, func(s []byte) bool { return has(s, 512, 'b') })
	all(t, "never both", got, func(s []byte) bool { return !has(s, 0, 'a') || !has(s, 512, 'b') })
	all(t, "the new one is synced", states("wal", append(anew, synced("wal"))...), func(s []byte) bool { return has(s, 512, 'b') })
	all(t, "gone with another's first sync", states("wal", append(gone, write("next", 0, 'c', 512), synced("next"))...),
		func(s []byte) bool { return s == nil })
}
