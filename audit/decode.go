package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"coc-console/audit/internal/plainjson"
)

// Decode reads a record's bytes, in whatever form of JSON they are.
func Decode(text []byte) (Record, error) {
	if r, ok := readBody(text); ok {
		return r, nil
	}
	return decodeAny(text)
}

// decodeAny reads a body that another version or another program may have written.
func decodeAny(text []byte) (Record, error) {
	var b body
	if err := json.Unmarshal(text, &b); err != nil {
		return Record{}, err //nolint:wrapcheck // a damaged record shows it, under its number
	}
	if b.Version != bodyVersion {
		return Record{}, fmt.Errorf("it has version %d, this console knows %d", b.Version, bodyVersion)
	}
	return Record{Sequence: b.Sequence, Time: fromMicro(b.Time), Action: b.Action, Outcome: b.Outcome, Actor: b.Actor,
		Origin: b.Origin, Duration: time.Duration(b.Duration) * time.Microsecond, Ticket: b.Ticket, Target: b.Target,
		OperationID: b.OperationID, OperationType: b.OperationType, BatchIndex: b.BatchIndex, InstanceID: b.InstanceID,
		Reason: b.Reason, Seen: b.Seen, Upstream: b.Upstream, Detail: b.Detail, Repeats: b.Repeats, Input: b.Input,
		Clock: clockOf(b.Clock)}, nil
}

// DecodeEntry reads a row of the log. One that cannot be read, or that is not what
// its row says, becomes a damaged record with the row's number and time.
func DecodeEntry(seq, ts int64, text []byte) Record {
	r, err := Decode(text)
	switch {
	case err != nil:
		return damaged(seq, ts, err.Error())
	case r.Sequence != seq || r.Time.UnixMicro() != ts:
		return damaged(seq, ts, fmt.Sprintf("it is the record %d of %s", r.Sequence, r.Time.Format(time.RFC3339Nano)))
	}
	return r
}

// Missing stands for an entry that should be there and is not.
func Missing(seq int64) Record { return damaged(seq, 0, "it is missing") }

func damaged(seq, ts int64, why string) Record {
	return Record{Sequence: seq, Time: fromMicro(ts), Action: ActionEntryDamaged, Outcome: OutcomeUnknown, Detail: why}
}

// readBody reads a body in the form that the log writes: every field at its
// place, nothing in between. It takes a tenth of what encoding/json takes, and
// searches, exports and the follower read many bodies. Of anything else ok is
// false, and encoding/json decides what it is.
func readBody(body []byte) (r Record, ok bool) {
	const version = `{"v":1` // bodyVersion
	if !bytes.HasPrefix(body, []byte(version)) || !utf8.Valid(body) {
		return Record{}, false
	}
	p := plainjson.NewReader(string(body), len(version))
	r = recordOf(p)
	return r, p.Ended()
}

func recordOf(p *plainjson.Reader) Record {
	r := Record{Sequence: p.Number("seq", math.MaxInt64)}
	r.Time = fromMicro(p.Number("ts", math.MaxInt64))
	r.Action, r.Outcome = Action(p.String("action")), Outcome(p.String("outcome"))
	p.Object("actor", func() {
		r.Actor = Actor{UserID: p.String("user_id"), UserName: p.String("user_name"), AccountID: p.String("account_id"),
			AccountName: p.String("account_name"), ProjectID: p.String("project_id"),
			ProjectName: p.String("project_name"), Groups: p.String("groups")}
	})
	p.Object("origin", func() {
		r.Origin = Origin{Address: p.String("address"), UserAgent: p.String("user_agent"), RequestID: p.String("request_id"),
			Session: p.String("session")}
	})
	r.Duration = time.Duration(p.Number("duration_us", math.MaxInt64)) * time.Microsecond
	r.Ticket, r.OperationID, r.OperationType = p.String("ticket"), p.String("operation_id"), p.String("operation_type")
	r.BatchIndex, r.InstanceID = int32(p.Number("batch_index", math.MaxInt32)), p.Number("instance_id", math.MaxInt64)
	r.Target, r.Reason, r.Seen = p.String("target"), p.String("reason"), p.String("seen")
	p.Object("upstream", func() {
		r.Upstream = Upstream{Status: int(p.Number("status", math.MaxInt32)), Code: p.String("code"),
			Message: p.String("message"), RequestID: p.String("request_id")}
	})
	r.Detail, r.Repeats, r.Input = p.String("detail"), p.Number("repeats", math.MaxInt64), p.String("input")
	r.Clock = clockOf(p.Number("clock", math.MaxInt64))
	return r
}

// BodyStart is how the bytes of a record begin, up to its number.
const BodyStart = `{"v":1,"seq":`

// IsLine reports whether bytes begin as those of a record with that number do, and are one line.
func IsLine(seq int64, body []byte) bool {
	var space [48]byte
	start := strconv.AppendInt(append(space[:0], BodyStart...), seq, 10)
	return bytes.HasPrefix(body, append(start, ',')) && bytes.IndexByte(body, '\n') < 0
}
