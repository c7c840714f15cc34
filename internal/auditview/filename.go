package auditview

import (
	"context"
	"errors"
	"strings"
	"time"

	"coc-console/audit"
	"coc-console/audit/search"
)

// maxNamed is how much of a query a file's name says.
const maxNamed = 80

// fileTime is a time in a file's name, in UTC: colons are not for all file systems.
const fileTime = "20060102T1504Z"

// FileName names an export by its view, where that has rows, its period and its query: where the query has no times of
// its own, from its first record to now. It has letters, digits, dots, dashes and underscores alone.
func (s Summary) FileName(ctx context.Context, v View, q search.Query, ending string) (string, error) {
	first, _, err := s.Index.Bounds(ctx, q)
	if err != nil {
		return "", err
	}
	r, err := s.Log.Record(ctx, first)
	if err != nil && !errors.Is(err, audit.ErrNotFound) {
		return "", err
	}
	return fileName(v, q, r.Time, s.Now(), ending), nil
}

func fileName(v View, q search.Query, first, now time.Time, ending string) string {
	from, to := q.From, q.To
	if from.IsZero() {
		from = first
	}
	if to.IsZero() {
		to = now
	}
	if from.IsZero() || from.After(to) {
		from = to
	}
	q.From, q.To = time.Time{}, time.Time{}
	name := "audit-"
	if v != search.PresetEverything {
		name += string(v) + "-"
	}
	name += from.UTC().Format(fileTime) + "-" + to.UTC().Format(fileTime)
	if text := q.String(); text != "" {
		name += "-" + named(text)
	}
	return name + "." + ending
}

// named is what a file's name can say of a query.
func named(text string) string {
	var b strings.Builder
	for _, c := range text {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '.' && b.Len() > 0:
			b.WriteRune(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() == maxNamed {
			break
		}
	}
	if name := strings.Trim(b.String(), "-."); name != "" {
		return name
	}
	return "query" // in letters that names of files may lose
}
