package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Weights say how much each thing about an operation counts towards its risk, and from what risk on somebody else has
// to look at it. They are written as @review on one policy of the file.
type Weights struct {
	Override, Unconfirmed, Unknown, Denied, Impact, Night, Outside int
	// Least is the risk from which an operation is to be reviewed.
	Least int
	// ImpactFrom is how many instances stop where the impact is large.
	ImpactFrom int
	// NightFrom and NightTo are the hours of the night, in minutes after midnight on the console's clock.
	NightFrom, NightTo int
}

// DefaultWeights are those in force when no policy has @review. A thing that it leaves out has its default, too.
func DefaultWeights() Weights {
	return Weights{Override: 50, Unconfirmed: 40, Unknown: 40, Outside: 30, Impact: 30, Denied: 20, Night: 10, Least: 20,
		ImpactFrom: 20, NightFrom: 20 * 60, NightTo: 8 * 60}
}

// maxWeight bounds every number of @review.
const maxWeight = 1_000_000

// Weights returns those in force.
func (r *Rules) Weights() Weights {
	if r.weights == nil {
		return DefaultWeights()
	}
	return *r.weights
}

// AtNight reports whether a time is in the hours of the night, in its own zone.
func (w Weights) AtNight(t time.Time) bool {
	at := t.Hour()*60 + t.Minute()
	if w.NightFrom <= w.NightTo {
		return w.NightFrom <= at && at < w.NightTo
	}
	return w.NightFrom <= at || at < w.NightTo
}

// parseWeights reads the annotation @review: pairs such as override=50, with spaces or commas between them.
func parseWeights(text string) (Weights, error) {
	w, seen := DefaultWeights(), map[string]bool{}
	numbers := map[string]*int{"override": &w.Override, "unconfirmed": &w.Unconfirmed, "unknown": &w.Unknown,
		"denied": &w.Denied, "impact": &w.Impact, "night": &w.Night, "outside": &w.Outside, "least": &w.Least,
		"impact-from": &w.ImpactFrom}
	hours := map[string]*int{"night-from": &w.NightFrom, "night-to": &w.NightTo}
	for _, pair := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' }) {
		name, value, _ := strings.Cut(pair, "=")
		if seen[name] {
			return w, fmt.Errorf("@review has %s twice", name)
		}
		seen[name] = true
		switch number, hour := numbers[name], hours[name]; {
		case number != nil:
			n, err := strconv.Atoi(value)
			if err != nil || n < 0 || n > maxWeight {
				return w, fmt.Errorf("@review: %q is no whole number from 0 to %d", pair, maxWeight)
			}
			*number = n
		case hour != nil:
			at, err := time.Parse("15:04", value)
			if err != nil {
				return w, fmt.Errorf("@review: %q is no time such as 20:00", pair)
			}
			*hour = at.Hour()*60 + at.Minute()
		default:
			return w, fmt.Errorf("@review: %q is none of %s", cmp.Or(name, pair), strings.Join(weightNames(), ", "))
		}
	}
	if len(seen) == 0 {
		return w, fmt.Errorf("@review is empty: it has pairs such as override=50")
	}
	if w.Least < 1 {
		return w, fmt.Errorf("@review: least is at least 1: with 0 every operation would have to be reviewed")
	}
	return w, nil
}

// weightNames are the names that @review knows, sorted.
func weightNames() []string {
	names := []string{"override", "unconfirmed", "unknown", "denied", "impact", "night", "outside", "least", "impact-from",
		"night-from", "night-to"}
	slices.Sort(names)
	return names
}

// weigh takes the weights that a policy's @review has.
func (r *Rules) weigh(id, text string) error {
	if r.weights != nil {
		return fmt.Errorf("policy %q: a second @review; the weights stand on one policy", id)
	}
	w, err := parseWeights(text)
	if err != nil {
		return fmt.Errorf("policy %q: %w", id, err)
	}
	r.weights = &w
	return nil
}
