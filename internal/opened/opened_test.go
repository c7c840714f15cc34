package opened

import (
	"strconv"
	"testing"
	"time"
)

func TestViews(t *testing.T) {
	v, now := New(), time.Unix(1_700_000_000, 0)
	k := KeyOf("a", "/tickets", "")
	if !v.First(k, now) || v.First(k, now.Add(life-1)) {
		t.Error("a page is not one view")
	}
	if !v.First(KeyOf("b", "/tickets", ""), now) || !v.First(KeyOf("a", "/tickets", "failed"), now) {
		t.Error("another session, or another outcome, is no view")
	}
	if !v.First(k, now.Add(life)) {
		t.Error("a page that stays open is one view for ever")
	}
	for i := range 2 * most {
		v.First(KeyOf("", strconv.Itoa(i), ""), now)
	}
	if n := len(v.seen); n > most {
		t.Errorf("%d views are remembered", n)
	}
}
