package api

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Never is a marker or a time past all others.
const Never = 1<<63 - 1

// Query reads the parameters of a call and remembers whether one was wrong.
type Query struct {
	Values url.Values
	Bad    bool
}

// Has reports whether a parameter was given, whatever its value.
func (q *Query) Has(name string) bool { return len(q.Values[name]) > 0 }

// Text reads a text of 1 to longest characters; an absent one is empty.
func (q *Query) Text(name string, longest int) string {
	v := q.Values[name]
	if len(v) == 0 {
		return ""
	}
	if n := utf8.RuneCountInString(v[0]); n < 1 || n > longest {
		q.Bad = true
	}
	return v[0]
}

// Number reads a whole number; an absent one is fallback.
func (q *Query) Number(name string, least, most, fallback int64) int64 {
	v := q.Values[name]
	if len(v) == 0 {
		return fallback
	}
	n, err := strconv.ParseInt(v[0], 10, 64)
	if err != nil || n < least || n > most {
		q.Bad = true
	}
	return n
}

// OneOf reads a word out of a list; an absent one is empty.
func (q *Query) OneOf(name string, allowed ...string) string {
	v := q.Values[name]
	if len(v) == 0 {
		return ""
	}
	if !slices.Contains(allowed, v[0]) {
		q.Bad = true
		return ""
	}
	return v[0]
}

// List reads several values, repeated or with commas; at most 100.
func (q *Query) List(name string) []string {
	var list []string
	for _, v := range q.Values[name] {
		list = append(list, strings.Split(v, ",")...)
	}
	q.Bad = q.Bad || len(list) > 100
	return list
}
