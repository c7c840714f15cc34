package audit

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// quickEntry is entry, for many: it reads the form that Append writes by
// itself, and leaves any other to encoding/json.
func quickEntry(seq, ts int64, text []byte) Record {
	if r, ok := quickDecode(string(text)); ok && r.Sequence == seq && r.Time.UnixMicro() == ts {
		return r
	}
	return entry(seq, ts, text)
}

// quickDecode reads a record in the form that Append writes. Where it is not
// sure to read the same as decode, ok is false.
func quickDecode(text string) (r Record, ok bool) {
	t := bodyText{text: text}
	r.Time = fromMicro(0)
	ok = t.object(func(key string) bool { return t.field(&r, key) }) && t.text == "" && t.version == bodyVersion
	return r, ok
}

// bodyText is what is left to read of a record's bytes.
type bodyText struct {
	text    string
	version int64
}

func (t *bodyText) field(r *Record, key string) bool {
	switch key {
	case "v":
		return t.number(&t.version, math.MaxInt64)
	case "seq":
		return t.number(&r.Sequence, math.MaxInt64)
	case "ts":
		var ts int64
		ok := t.number(&ts, math.MaxInt64)
		r.Time = fromMicro(ts)
		return ok
	case "action":
		return t.string((*string)(&r.Action))
	case "outcome":
		return t.string((*string)(&r.Outcome))
	case "actor":
		return t.strings(r.Actor.fields())
	case "origin":
		return t.strings(r.Origin.fields())
	case "duration_us":
		var us int64
		ok := t.number(&us, math.MaxInt64)
		r.Duration = time.Duration(us) * time.Microsecond
		return ok
	case "upstream":
		return t.upstream(&r.Upstream)
	}
	return t.otherField(r, key)
}

func (t *bodyText) otherField(r *Record, key string) bool {
	switch key {
	case "ticket":
		return t.string(&r.Ticket)
	case "operation_id":
		return t.string(&r.OperationID)
	case "operation_type":
		return t.string(&r.OperationType)
	case "batch_index":
		var n int64
		ok := t.number(&n, math.MaxInt32)
		r.BatchIndex = int32(n)
		return ok
	case "instance_id":
		return t.number(&r.InstanceID, math.MaxInt64)
	case "target":
		return t.string(&r.Target)
	case "reason":
		return t.string(&r.Reason)
	case "seen":
		return t.string(&r.Seen)
	case "detail":
		return t.string(&r.Detail)
	}
	return false
}

func (a *Actor) fields() func(key string) *string {
	return func(key string) *string {
		switch key {
		case "user_id":
			return &a.UserID
		case "user_name":
			return &a.UserName
		case "account_id":
			return &a.AccountID
		case "account_name":
			return &a.AccountName
		case "project_id":
			return &a.ProjectID
		case "project_name":
			return &a.ProjectName
		}
		return nil
	}
}

func (o *Origin) fields() func(key string) *string {
	return func(key string) *string {
		switch key {
		case "address":
			return &o.Address
		case "user_agent":
			return &o.UserAgent
		case "request_id":
			return &o.RequestID
		case "session":
			return &o.Session
		}
		return nil
	}
}

func (t *bodyText) upstream(u *Upstream) bool {
	return t.object(func(key string) bool {
		switch key {
		case "status":
			var n int64
			ok := t.number(&n, math.MaxInt32)
			u.Status = int(n)
			return ok
		case "code":
			return t.string(&u.Code)
		case "message":
			return t.string(&u.Message)
		case "request_id":
			return t.string(&u.RequestID)
		}
		return false
	})
}

// strings reads an object whose values are strings.
func (t *bodyText) strings(field func(key string) *string) bool {
	return t.object(func(key string) bool {
		to := field(key)
		return to != nil && t.string(to)
	})
}

// object reads the fields of an object that is not empty, without spaces.
func (t *bodyText) object(field func(key string) bool) bool {
	if !t.skip('{') {
		return false
	}
	for {
		if !t.skip('"') {
			return false
		}
		end := strings.IndexByte(t.text, '"')
		if end < 0 {
			return false
		}
		key := t.text[:end]
		t.text = t.text[end+1:]
		if !t.skip(':') || !field(key) {
			return false
		}
		if t.skip('}') {
			return true
		}
		if !t.skip(',') {
			return false
		}
	}
}

func (t *bodyText) skip(c byte) bool {
	if t.text == "" || t.text[0] != c {
		return false
	}
	t.text = t.text[1:]
	return true
}

// number reads a whole number without a sign.
func (t *bodyText) number(to *int64, most int64) bool {
	end := 0
	for end < len(t.text) && '0' <= t.text[end] && t.text[end] <= '9' {
		end++
	}
	digits := t.text[:end]
	t.text = t.text[end:]
	n, err := strconv.ParseInt(digits, 10, 64)
	*to = n
	return err == nil && n <= most && (end == 1 || digits[0] != '0')
}

// string reads a string. One without escapes shares the text's memory.
func (t *bodyText) string(to *string) bool {
	if !t.skip('"') {
		return false
	}
	text, ascii := t.text, true
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"':
			*to, t.text = text[:i], text[i+1:]
			return ascii || utf8.ValidString(*to)
		case c == '\\':
			return t.escaped(to, i)
		case c < ' ':
			return false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return false
}

// escaped reads a string whose first backslash is at i.
func (t *bodyText) escaped(to *string, i int) bool {
	b := append(make([]byte, 0, len(t.text[:i])+64), t.text[:i]...)
	for i < len(t.text) {
		switch c := t.text[i]; {
		case c == '"':
			*to, t.text = string(b), t.text[i+1:]
			return utf8.Valid(b)
		case c == '\\':
			var size int
			if b, size = appendEscaped(b, t.text[i:]); size == 0 {
				return false
			}
			i += size
		case c < ' ':
			return false
		default:
			b = append(b, c)
			i++
		}
	}
	return false
}

// escapes are the characters that follow a backslash, each followed by what it
// stands for.
const escapes = "\"\"\\\\//b\bf\fn\nr\rt\t"

// appendEscaped appends the character that is escaped at the beginning of a
// text, and returns how long that is; 0 where it is none that it knows.
func appendEscaped(b []byte, text string) ([]byte, int) {
	if len(text) < 2 {
		return b, 0
	}
	if text[1] != 'u' {
		at := 0
		for at < len(escapes) && escapes[at] != text[1] {
			at += 2
		}
		if at == len(escapes) {
			return b, 0
		}
		return append(b, escapes[at+1]), 2
	}
	if len(text) < 6 {
		return b, 0
	}
	c, err := strconv.ParseUint(text[2:6], 16, 16)
	if err != nil || utf16.IsSurrogate(rune(c)) {
		return b, 0
	}
	return utf8.AppendRune(b, rune(c)), 6
}

// bodyStart is how the bytes of a record begin, up to its number.
const bodyStart = `{"v":1,"seq":`

// isLine reports whether bytes begin as those of a record with that number do,
// and are one line.
func isLine(seq int64, body []byte) bool {
	var space [48]byte
	start := strconv.AppendInt(append(space[:0], bodyStart...), seq, 10)
	return bytes.HasPrefix(body, append(start, ',')) && bytes.IndexByte(body, '\n') < 0
}
