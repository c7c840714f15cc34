package query

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Night are the hours of the day, as times since midnight, that "last night"
// means: from the evening until the next morning.
type Night struct{ From, To time.Duration }

// DefaultNight is from 20:00 to 08:00.
var DefaultNight = Night{20 * time.Hour, 8 * time.Hour}

var errNight = errors.New("not two times like 20:00-08:00, the first one later")

// ParseNight reads hours like 20:00-08:00.
func ParseNight(text string) (Night, error) {
	from, to, _ := strings.Cut(text, "-")
	evening, err := time.Parse("15:04", strings.TrimSpace(from))
	morning, err2 := time.Parse("15:04", strings.TrimSpace(to))
	if err != nil || err2 != nil || !morning.Before(evening) {
		return Night{}, fmt.Errorf("hours of the night %q: %w", text, errNight)
	}
	midnight := evening.Truncate(24 * time.Hour)
	return Night{evening.Sub(midnight), morning.Sub(midnight)}, nil
}

// MarshalText writes the hours as ParseNight reads them.
func (n Night) MarshalText() ([]byte, error) {
	clock := func(d time.Duration) string { return fmt.Sprintf("%02d:%02d", d/time.Hour, d%time.Hour/time.Minute) }
	return []byte(clock(n.From) + "-" + clock(n.To)), nil
}

// UnmarshalText is ParseNight.
func (n *Night) UnmarshalText(text []byte) (err error) {
	*n, err = ParseNight(string(text))
	return err
}

// Last is the night that ends on a day of a zone, the one before it began on the
// day before. In a repeated hour it begins early and ends late.
func (n Night) Last(now time.Time, zone *time.Location) (from, to time.Time) {
	y, m, d := now.In(zone).Date()
	at := func(day int, clock time.Duration) time.Time {
		return time.Date(y, m, day, int(clock/time.Hour), int(clock%time.Hour/time.Minute), 0, 0, time.UTC)
	}
	return Local(at(d-1, n.From), zone, false), Local(at(d, n.To), zone, true)
}

// Local is when a zone's clocks show the date and the time of day that wall has.
// Of an hour that is repeated it is the first one, or with late the second:
// who asks from and to an hour misses nothing. An hour that the clocks leave out
// is the moment at which they jump, for the same reason.
func Local(wall time.Time, zone *time.Location, late bool) time.Time {
	y, m, d := wall.Date()
	usual := time.Date(y, m, d, wall.Hour(), wall.Minute(), wall.Second(), wall.Nanosecond(), zone)
	if shown := time.Date(usual.Year(), usual.Month(), usual.Day(), usual.Hour(), usual.Minute(), usual.Second(),
		usual.Nanosecond(), time.UTC); !sameClock(shown, wall) {
		begun, ends := usual.ZoneBounds()
		if shown.After(wall) {
			return begun // usual is behind the jump
		}
		return ends
	}
	found := usual
	for _, near := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		_, offset := usual.Add(near).Zone()
		other := time.Date(y, m, d, wall.Hour(), wall.Minute(), wall.Second()-offset, wall.Nanosecond(),
			time.UTC).In(zone)
		if same := sameClock(other, usual); same && (late && other.After(found) || !late && other.Before(found)) {
			found = other
		}
	}
	return found
}

func sameClock(a, b time.Time) bool {
	return a.Format("2006-01-02T15:04:05.999999999") == b.Format("2006-01-02T15:04:05.999999999")
}

// ParseLocal reads a time without an offset as Local does. The layout is one of
// package time.
func ParseLocal(layout, text string, zone *time.Location, late bool) (time.Time, error) {
	wall, err := time.Parse(layout, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("read the time %q: %w", text, err)
	}
	return Local(wall, zone, late), nil
}

// nightWords are what people type for it.
var nightWords = []string{"last night", "昨晚", "昨夜"}

// nightIn finds last night at the beginning of a text, and how long the word is.
func nightIn(text string) (size int) {
	for _, words := range nightWords {
		at := 0
		for i, word := range strings.Fields(words) {
			if i > 0 {
				rest := strings.TrimLeftFunc(text[at:], unicode.IsSpace)
				if rest == text[at:] {
					return 0
				}
				at = len(text) - len(rest)
			}
			size := foldedPrefix(text[at:], word)
			if size == 0 {
				at = -1
				break
			}
			at += size
		}
		if at < 0 {
			continue
		}
		if next, _ := utf8.DecodeRuneInString(text[at:]); at == len(text) || unicode.IsSpace(next) {
			return at
		}
	}
	return 0
}

// foldedPrefix is the size of what a text begins with, where that is the word in
// any form of its characters and whatever their case; else 0.
func foldedPrefix(text, word string) int {
	for at, c := range text {
		one := strings.ToLower(fold(string(c)))
		rest, ok := strings.CutPrefix(word, one)
		if !ok {
			return 0
		}
		if word = rest; word == "" {
			return at + utf8.RuneLen(c)
		}
	}
	return 0
}

// RelativeTimes are times of a query that count from now, to be offered to who types.
func RelativeTimes() []string { return []string{"today", "yesterday", "24h", "7d", "30d", "now"} }

// namesNight reports whether a text, bare, could begin what nightIn finds.
func namesNight(text string) bool {
	return nightIn(text) > 0 || nightIn(text+" night") > 0
}

var units = map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}

// maxAgo is as far back as a relative time goes: a hundred years.
const maxAgo = 100 * 365 * 24 * time.Hour

// relative reads a time like 24h, today or yesterday.
func (l Language) relative(text string, late bool) (time.Time, bool) {
	day := func(before int) (time.Time, bool) {
		y, m, d := l.Now.In(l.Zone).Date()
		return Local(time.Date(y, m, d-before, 0, 0, 0, 0, time.UTC), l.Zone, late), true
	}
	switch text = strings.ToLower(text); text {
	case "now":
		return l.Now, true
	case "today", "今天":
		return day(0)
	case "yesterday", "昨天":
		return day(1)
	}
	if len(text) < 2 {
		return time.Time{}, false
	}
	unit := units[text[len(text)-1]]
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 31)
	if unit == 0 || err != nil || time.Duration(n) > maxAgo/unit {
		return time.Time{}, false
	}
	return l.Now.Add(-time.Duration(n) * unit), true
}

// localLayouts are times without an offset.
var localLayouts = []string{time.DateOnly, "2006-01-02T15:04", "2006-01-02T15:04:05"}

// time reads a time of a query; of which text it must be kept.
func (l Language) time(text string, late bool) (at time.Time, as Relative, ok bool) {
	text = fold(text)
	if at, ok = l.relative(text, late); ok {
		return at, Relative{strings.ToLower(text), at.In(l.Zone)}, true
	}
	for _, layout := range localLayouts {
		if at, err := ParseLocal(layout, strings.ToUpper(text), l.Zone, late); err == nil {
			return at, Relative{}, true
		}
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00"} {
		if at, err := time.Parse(layout, strings.ToUpper(text)); err == nil {
			return at, Relative{}, !at.IsZero()
		}
	}
	return time.Time{}, Relative{}, false
}
