package watch

import (
	"errors"
	"testing"
	"time"

	"coc-console/internal/coc"
)

// TestViewersWaitForTheStore: a store of sessions that fails says nothing about
// them. Viewers are told of trouble, keep what they see, and go on when it is back.
func TestViewersWaitForTheStore(t *testing.T) {
	d := newFixture(t, Limits{}, spec("running", time.Minute, runs(70*time.Second, long)))
	u := d.signIn("operator", "one")
	v := d.join("running", u)
	d.waits()
	away := errors.New("the database is away")
	u.away(away)
	before := v.Snapshot()
	d.pass(fast)
	if s := told(t, v); v.Err() != nil || s.Trouble == nil || !errors.Is(s.Trouble.Err, ErrUnknown) || s.At != before.At {
		t.Errorf("the viewer is told %v, %+v", v.Err(), s.Meta)
	}
	if _, err := d.Join(t.Context(), d.key("running", u), u.Credentials); !errors.Is(err, ErrUnknown) || !errors.Is(err, away) {
		t.Errorf("who joins is told %v", err)
	}
	u.away(nil)
	d.pass(time.Minute)
	if s := told(t, v); v.Err() != nil || s.Trouble != nil || s.Statistics.Count(coc.InstanceFinished) != 1 {
		t.Errorf("afterwards: %v, %+v", v.Err(), s.Meta)
	}
	u.away(coc.ErrNoCaller)
	d.pass(fast)
	if reasonOf(v.Err()) != ReasonSession {
		t.Errorf("the end is %v", v.Err())
	}
}
