package elevation

import (
	"context"
	"fmt"
	"strings"
	"time"

	"coc-console/audit"
	"coc-console/internal/operate"
)

// Prefix begins the actions of elevations.
const Prefix = "elevation."

// record writes one step of a request. Target is the role; Detail names the request, its end, and whose it is.
func (s *Service) record(ctx context.Context, action audit.Action, outcome audit.Outcome, r Request, who audit.Actor,
	from audit.Origin, reason string) error {
	detail := fmt.Sprintf("elevation=%s until=%s", r.ID, r.Until.UTC().Format(time.RFC3339))
	if action != audit.ActionElevationRequested {
		detail += " for=" + operate.NameOf(r.Person)
	}
	_, err := s.cfg.Log.Append(ctx, audit.Record{Action: action, Outcome: outcome, Actor: who, Origin: from,
		Target: r.Role, Reason: reason, Detail: detail})
	if err != nil {
		return fmt.Errorf("record %s of %s: %w", action, r.Role, err)
	}
	if s.cfg.Shared {
		return s.Update(ctx)
	}
	return nil
}

// Detail takes a record's detail apart: the request's id, when the role ends, and whose it is (account/user), unless
// the record is theirs. All are zero for what no console has written.
func Detail(r audit.Record) (id string, until time.Time, owner string) {
	detail, owner, _ := strings.Cut(r.Detail, " for=") // the last one: a name may have blanks
	for part := range strings.FieldsSeq(detail) {
		switch key, value, _ := strings.Cut(part, "="); key {
		case "elevation":
			id = value
		case "until":
			until, _ = time.Parse(time.RFC3339, value)
		}
	}
	if id == "" || until.IsZero() {
		return "", time.Time{}, ""
	}
	return id, until, owner
}

// fold makes requests of records, in the order of the log. What doesn't follow from what was before changes nothing:
// a second answer, one by the person who asked, or one that came too late.
func fold(records []audit.Record) []Request {
	var all []Request
	at := map[string]int{}
	for _, rec := range records {
		id, until, _ := Detail(rec)
		if id == "" {
			continue
		}
		i, known := at[id]
		if rec.Action == audit.ActionElevationRequested {
			if !known {
				at[id] = len(all)
				all = append(all, Request{ID: id, Role: rec.Target, Person: rec.Actor, Reason: rec.Reason,
					Asked: rec.When(), Until: until})
			}
			continue
		}
		if known {
			all[i].step(rec)
		}
	}
	return all
}

// step is what one more record makes of the request.
func (r *Request) step(rec audit.Record) {
	state, own := r.StateAt(rec.When()), operate.SamePerson(r.Person, rec.Actor)
	switch rec.Action {
	case audit.ActionElevationGranted, audit.ActionElevationRefused:
		if state == Waiting && !own {
			r.Decider, r.Decided, r.Comment = rec.Actor, rec.When(), rec.Reason
			r.granted = rec.Action == audit.ActionElevationGranted
		}
	case audit.ActionElevationWithdrawn:
		if state == Waiting && own {
			r.Ender, r.Over = rec.Actor, rec.When()
		}
	case audit.ActionElevationEnded:
		if state == InForce {
			r.Ender, r.Over = rec.Actor, rec.When()
		}
	}
}
