package present

import (
	"context"
	"maps"
	"net/url"
	"strings"
	"time"

	"coc-console/audit/query"
	"coc-console/internal/i18n"
	"coc-console/templates"
)

// The forms in which a time is written in addresses and by browsers.
const (
	exactTime = "2006-01-02T15:04Z07:00"
	LocalTime = "2006-01-02T15:04"
)

// ParseTime reads a time of an address. One without an offset is of the
// reader's zone; exact is false for it. Of an hour that is repeated there, it is
// the first one, or with late the second: who asks from and to misses nothing.
func ParseTime(text string, zone *time.Location, late bool) (t time.Time, exact bool, err error) {
	for _, layout := range []string{exactTime, time.RFC3339} {
		if t, err = time.Parse(layout, text); err == nil {
			return t, true, nil
		}
	}
	for _, layout := range []string{LocalTime, LocalTime + ":05", time.DateOnly} {
		if t, err = query.ParseLocal(layout, text, zone, late); err == nil {
			return t, false, nil
		}
	}
	return time.Time{}, false, err
}

// Span is a range of times as a form gives it.
type Span struct {
	From, To time.Time
	// ShownFrom and ShownTo are what the form's fields show: the reader's local
	// time, or what they typed where that is no time.
	ShownFrom, ShownTo string
	// Local says that a time had no offset. The address is then rewritten, so
	// that it means the same to everybody it is shared with.
	Local bool
}

// ReadSpan reads from and to of an address; what is wrong goes into errs.
func ReadSpan(ctx context.Context, values url.Values, errs templates.FieldErrors) Span {
	return SpanIn(values, i18n.ZoneFrom(ctx), i18n.T(ctx).Field, errs)
}

// SpanIn is ReadSpan for a reader's zone and language.
func SpanIn(values url.Values, zone *time.Location, t i18n.FieldProblems, errs templates.FieldErrors) Span {
	var s Span
	read := func(name string) (time.Time, string) {
		text := strings.TrimSpace(values.Get(name))
		if text == "" {
			return time.Time{}, ""
		}
		at, exact, err := ParseTime(text, zone, name == "to")
		if err != nil || at.Year() < 2000 || at.Year() > 9998 {
			errs[name] = t.Time
			return time.Time{}, Bounded(text)
		}
		s.Local = s.Local || !exact
		return at, at.In(zone).Format(LocalTime)
	}
	s.From, s.ShownFrom = read("from")
	s.To, s.ShownTo = read("to")
	if !s.From.IsZero() && !s.To.IsZero() && s.To.Before(s.From) {
		errs["to"] = t.TimeOrder
	}
	return s
}

// ExactAddress is an address with the values that choose its page, and exact times.
func (s Span) ExactAddress(path string, chosen url.Values) string {
	q := maps.Clone(chosen)
	for name, t := range map[string]time.Time{"from": s.From, "to": s.To} {
		if !t.IsZero() {
			q.Set(name, Exact(t))
		}
	}
	return Address(path, q)
}

// Exact is a time as addresses have it; empty for none.
func Exact(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	if t.Truncate(time.Minute).Equal(t) {
		return t.Format(exactTime)
	}
	return t.Format(time.RFC3339Nano)
}

// maxKept bounds a form value that is shown back, or carried in an address.
const maxKept = 4096

// Bounded shortens what is shown back to whoever sent it.
func Bounded(text string) string {
	if len(text) > maxKept {
		text = text[:maxKept]
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
