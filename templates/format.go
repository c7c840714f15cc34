package templates

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/a-h/templ"

	"coc-console/internal/i18n"
	"coc-console/static"
)

const (
	timeLayout  = "2006-01-02 15:04:05"
	inputLayout = "2006-01-02T15:04"
)

// local writes a time in the reader's zone. "UTC" is added where that is the
// zone, so that nobody takes it for local time.
func local(ctx context.Context, t time.Time) string {
	zone := i18n.ZoneFrom(ctx)
	text := t.In(zone).Format(timeLayout)
	if zone == time.UTC || zone.String() == "UTC" {
		return text + " UTC"
	}
	return text
}

// exact writes a time with its zone's name, and in UTC.
func exact(ctx context.Context, t time.Time) string {
	zone := i18n.ZoneFrom(ctx)
	utc := t.UTC().Format(timeLayout) + " UTC"
	if zone == time.UTC || zone.String() == "UTC" {
		return utc
	}
	return t.In(zone).Format(timeLayout+" -07:00") + " " + zone.String() + ", " + utc
}

// whole gives a text that may be cut a title, where it is longer than that many characters.
func whole(text string, room int) templ.Attributes {
	if utf8.RuneCountInString(text) <= room {
		return nil
	}
	return templ.Attributes{"title": text}
}

func duration(t *i18n.CommonTexts, d time.Duration) string { return Duration(t, d) }

// Duration writes a duration in its two largest units: "1 h 02 min".
func Duration(t *i18n.CommonTexts, d time.Duration) string {
	switch {
	case d < 0:
		return ""
	case d > 0 && d < time.Millisecond:
		return "< 1 " + t.Millisecond
	case d < time.Second:
		return fmt.Sprintf("%d %s", d.Milliseconds(), t.Millisecond)
	case d < time.Minute:
		return strconv.FormatFloat(d.Truncate(100*time.Millisecond).Seconds(), 'f', -1, 64) + " " + t.Second
	case d < time.Hour:
		return fmt.Sprintf("%d %s %02d %s", int(d.Minutes()), t.Minute, int(d.Seconds())%60, t.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d %s %02d %s", int(d.Hours()), t.Hour, int(d.Minutes())%60, t.Minute)
	}
	return fmt.Sprintf("%d %s %02d %s", int(d.Hours())/24, t.Day, int(d.Hours())%24, t.Hour)
}

// ahead is how far a time is after the one at which it was read: the other
// clock is ahead by that. Less than two seconds are no difference.
func ahead(t, read time.Time) time.Duration {
	if d := t.Sub(read); !read.IsZero() && d >= 2*time.Second {
		return d
	}
	return 0
}

// about writes an estimate in its largest units: "27 min", "1 h 20 min".
func about(t *i18n.CommonTexts, d time.Duration) string {
	switch d = coarse(d); {
	case d < time.Minute:
		return fmt.Sprintf("%d %s", int(d.Seconds()), t.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d %s", int(d.Minutes()), t.Minute)
	}
	return duration(t, d)
}

// minutes writes how long something took where no seconds are wanted: "13 min",
// "1 h 02 min". Beside times of the day nobody takes it for one of them, as "13:02".
func minutes(t *i18n.CommonTexts, d time.Duration) string {
	if d < time.Hour {
		return fmt.Sprintf("%d %s", int(d.Minutes()), t.Minute)
	}
	return duration(t, d)
}

// clockDuration writes a duration as a clock does: "1:38", or "1:02:38" from an hour on.
func clockDuration(d time.Duration) string {
	s := int(d.Seconds())
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// clockTexts are when a batch began and ended, empty where it has not.
func clockTexts(ctx context.Context, l Lane) (from, to string) {
	if !l.From.IsZero() {
		from = clockText(ctx, l.From, l.Read, "15:04:05")
	}
	if !l.To.IsZero() {
		to = clockText(ctx, l.To, l.Read, "15:04:05")
	}
	return from, to
}

// shapes are the icon and the colour that a wire value is shown with. Each
// state has a shape of its own, so that colour is never needed to tell it.
var shapes = map[string]string{
	"READY": "waiting", "WAITING": "waiting", "PROCESSING": "running", "RUNNING": "running",
	"ABNORMAL": "abnormal", "FAILED": "abnormal", "ERROR": "abnormal", "ENDED": "abnormal", "PAUSED": "paused", "HELD": "paused",
	"CANCELED": "canceled", "PARTLY": "canceled", "FINISHED": "finished", "ROLLBACKED": "rolled-back",
	"succeeded": "finished", "failed": "abnormal", "denied": "denied", "unknown": "unknown", "pending": "waiting",
	"operation.requested": "finished", "operation.accepted": "finished", "operation.rejected": "denied",
	"operation.unknown": "unknown", "operation.observed": "finished", "operation.not_observed": "unknown", "access.denied": "denied",
	"skipped": "canceled",
	"waiting": "waiting", "granted": "running", "sent": "finished", "returned": "abnormal", "refused": "denied",
	"withdrawn": "canceled", "expired": "canceled", "not_sent": "canceled",
	"requested": "waiting", "accepted": "running", "confirmed": "finished", "not_confirmed": "unknown", "rejected": "denied",
	"job.running": "running", "job.stopped": "paused", "job.ended": "finished",
	"item.waiting": "waiting", "item.sending": "running", "item.sent": "running", "item.failed": "abnormal",
	"info": "info", "success": "finished", "warning": "abnormal", "error": "denied",
}

// shape is the icon of a wire value.
func shape(wire string) string {
	if s, ok := shapes[wire]; ok {
		return s
	}
	return "unknown"
}

var icons = sync.OnceValue(func() string { return static.URL("img/icons.svg") + "#" })

// sprite is the address of an icon.
func sprite(name string) string { return icons() + name }

// progressOrder is the order of a bar: what is done comes first.
var progressOrder = []string{"FINISHED", "ABNORMAL", "ERROR", "ROLLBACKED", "CANCELED", "PROCESSING", "READY"}

// progress sorts counts like a bar that fills up; unknown states come last.
func progress(counts []Count) []Count {
	rank := func(c Count) int {
		if i := slices.Index(progressOrder, c.Status); i >= 0 {
			return i
		}
		return len(progressOrder)
	}
	return slices.SortedStableFunc(slices.Values(counts), func(a, b Count) int { return rank(a) - rank(b) })
}

// share is one part of a bar, in percent of its width.
type share struct {
	Count
	X, Width string
}

// shares divides a bar by counts; those of nothing get no part.
func shares(counts []Count) []share {
	var total, before int64
	for _, c := range counts {
		total += int64(max(0, c.Count))
	}
	var parts []share
	for _, c := range counts {
		if c.Count <= 0 {
			continue
		}
		parts = append(parts, share{c, percent(before, total), percent(int64(c.Count), total)})
		before += int64(c.Count)
	}
	return parts
}

func percent(n, total int64) string {
	return strconv.FormatFloat(100*float64(n)/float64(total), 'f', 2, 64) + "%"
}

// fieldNames returns the names of the fields in error, in a fixed order.
func fieldNames(errors FieldErrors) []string {
	names := make([]string, 0, len(errors))
	for name := range errors {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// fieldID is the id of a form field's control.
func fieldID(name string) string {
	if name == "find" {
		return name
	}
	return "field-" + name
}

func number[N int32 | int64 | int](n N) string { return strconv.FormatInt(int64(n), 10) }

// first returns the first of the texts that is not empty.
func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// aspect writes the value of an operate.Aspect: states get their word.
func aspect(t *i18n.Texts, name, value string) string {
	switch name {
	case "status":
		return t.Word.TicketStatus.Of(value)
	case "instance":
		return t.Word.InstanceStatus.Of(value)
	}
	return value
}

// dangerous reports whether an operation can't be undone, as far as is known.
func dangerous(operation string) bool {
	return operation != "PAUSE_ORDER" && operation != "CONTINUE_ORDER"
}

// operationIcon is the icon of an operation.
func operationIcon(operation string) string {
	switch operation {
	case "PAUSE_ORDER":
		return "paused"
	case "CONTINUE_ORDER":
		return "running"
	case "SKIP_BATCH":
		return "skip"
	}
	return "stop"
}

// class joins class names, leaving out those whose condition is false.
func class(base, extra string, on bool) string {
	if on {
		return base + " " + extra
	}
	return base
}

// byteSize is a size with its unit, as disks are measured.
func byteSize(n int64) string {
	size, units := float64(n), []string{"B", "KiB", "MiB", "GiB", "TiB"}
	at := 0
	for size >= 1024 && at < len(units)-1 {
		size, at = size/1024, at+1
	}
	if at == 0 || size >= 100 {
		return strconv.FormatFloat(size, 'f', 0, 64) + " " + units[at]
	}
	return strconv.FormatFloat(size, 'f', 1, 64) + " " + units[at]
}
