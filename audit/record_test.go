package audit

import (
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestBounded(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"as it is", "plain ü 中", "plain ü 中"},
		{"as long as allowed", strings.Repeat("x", 20), strings.Repeat("x", 20)},
		{"too long", strings.Repeat("x", 21), strings.Repeat("x", 17) + "…"},
		{"cut inside a character", strings.Repeat("x", 16) + "中中", strings.Repeat("x", 16) + "…"},
		{"not UTF-8", "a\xffb", "a\uFFFDb"},
		{"NUL", "a\x00b", "a\uFFFDb"},
		{"NULs that grow too long", strings.Repeat("\x00", 20), strings.Repeat("\uFFFD", 5) + "…"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := bounded(tc.in, 20)
			if got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			if again := bounded(got, 20); again != got {
				t.Errorf("the second time it is %q", again)
			}
		})
	}
}

// TestBody pins the stored form: bytes that are in logs already must be read
// for ever, and written the same.
func TestBody(t *testing.T) {
	const least = `{"v":1,"seq":1,"ts":1,"action":"ticket.viewed","outcome":"succeeded"}`
	const full = `{"v":1,"seq":7,"ts":1760000000000001,"action":"operation.rejected","outcome":"failed",` +
		`"actor":{"user_id":"a","user_name":"b","account_id":"c","account_name":"d","project_id":"e","project_name":"f"},` +
		`"origin":{"address":"g","user_agent":"h","request_id":"i","session":"j"},"duration_us":5,"ticket":"k",` +
		`"operation_id":"l","operation_type":"m","batch_index":6,"instance_id":9223372036854775807,"target":"n",` +
		`"reason":"o","seen":"p","upstream":{"status":400,"code":"q","message":"r","request_id":"s"},"detail":"t"}`
	const escapes = `{"v":1,"seq":1,"ts":1,"action":"ticket.viewed","outcome":"succeeded","reason":"\u003ca\u003e\n\\ \"b\"","detail":"中"}`
	for _, text := range []string{least, full, escapes} {
		r, err := decodeAny([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if quick, ok := readBody([]byte(text)); !ok || quick != r {
			t.Errorf("%s was read as %+v (%v), it is %+v", text, quick, ok, r)
		}
		if back, err := Encode(r); err != nil || string(back) != text {
			t.Errorf("%s\nbecame\n%s (%v)", text, back, err)
		}
	}
}

func TestDamagedBodies(t *testing.T) {
	for _, tc := range []struct{ name, text, why string }{
		{"nothing", ``, "unexpected end"},
		{"half", `{"v":1,"seq":3`, "unexpected end"},
		{"another version", `{"v":2,"seq":3,"ts":5}`, "version 2"},
		{"no version", `{}`, "version 0"},
		{"another number", `{"v":1,"seq":4,"ts":5}`, "the record 4"},
		{"another time", `{"v":1,"seq":3,"ts":6}`, "the record 3"},
		{"a number too large", `{"v":1,"seq":3,"ts":5,"batch_index":2147483648}`, "int32"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := DecodeEntry(3, 5, []byte(tc.text))
			if !strings.Contains(r.Detail, tc.why) {
				t.Errorf("the detail is %q, want %q in it", r.Detail, tc.why)
			}
			r.Detail = ""
			want := Record{Sequence: 3, Time: time.UnixMicro(5).UTC(), Action: ActionEntryDamaged, Outcome: OutcomeUnknown}
			if r != want {
				t.Errorf("got %+v", r)
			}
		})
	}
}

// TestCleanBoundsEveryText fills all strings of a record, so that a new field
// cannot be forgotten.
func TestCleanBoundsEveryText(t *testing.T) {
	r := Record{Action: ActionTicketViewed, Outcome: OutcomeSucceeded}
	fill(reflect.ValueOf(&r).Elem(), "\x00\xff"+strings.Repeat("x", 2*maxLong))
	check := func(path, text string) {
		if len(text) > maxLong || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			t.Errorf("%s is not clean", path)
		}
	}
	texts(reflect.ValueOf(clean(r)), "", check)
}

// fill sets the plain strings of a struct, not those with a type of their own.
func fill(v reflect.Value, text string) {
	for _, f := range v.Fields() {
		switch {
		case f.Type() == reflect.TypeFor[string]():
			f.SetString(text)
		case f.Kind() == reflect.Struct && f.Type() != reflect.TypeFor[time.Time]():
			fill(f, text)
		}
	}
}

func texts(v reflect.Value, path string, each func(path, text string)) {
	for field, f := range v.Fields() {
		name := path + "." + field.Name
		switch {
		case f.Kind() == reflect.String:
			each(name, f.String())
		case f.Kind() == reflect.Struct && f.Type() != reflect.TypeFor[time.Time]():
			texts(f, name, each)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"v":1,"seq":1,"ts":1,"action":"ticket.viewed","outcome":"succeeded","actor":{"user_name":"ü"}}`))
	f.Add([]byte(`{"v":1,"seq":9223372036854775807,"ts":-1,"duration_us":9223372036854775807,"upstream":{"status":-1}}`))
	for _, text := range []string{`"reason":"a\u003c\ud800\"","detail":"\n"`, `"duration_us":01`, `"batch_index":2147483648`, `"ticket":"a","ticket":"b"`,
		`"origin":{},"upstream":{"status":-1}`, `"instance_id":0`, `"actor":{"user_id":"a"`, `"reason":"a`, `"reason":"` + "\x01\xff" + `"`} {
		f.Add([]byte(`{"v":1,"seq":1,"ts":1,"action":"ticket.viewed","outcome":"succeeded",` + text + `}`))
	}
	f.Add([]byte(`{"v":2}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if e := DecodeEntry(1, 1, text); e.Sequence != 1 || e.Time.UnixMicro() != 1 { // whatever it is, it becomes the record of its row
			t.Errorf("%s became %+v", text, e)
		}
		r, err := decodeAny(text)
		if quick, ok := readBody(text); ok && (err != nil || quick != r) {
			t.Errorf("%s was read as %+v, it is %+v (%v)", text, quick, r, err)
		}
		if err != nil {
			return
		}
		once, err := Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		r2, err := decodeAny(once)
		if err != nil {
			t.Fatalf("%s cannot be read back: %v", once, err)
		}
		twice, err := Encode(r2)
		if err != nil || string(once) != string(twice) {
			t.Errorf("%s became %s (%v)", once, twice, err)
		}
	})
}

// FuzzReadBody: where it reads anything, it reads what encoding/json reads.
func FuzzReadBody(f *testing.F) {
	for _, r := range []Record{
		{Action: ActionTicketViewed, Outcome: OutcomeFailed, Sequence: 1, Time: time.UnixMicro(5)},
		{Action: ActionOperationRequested, Outcome: OutcomePending, Sequence: 1 << 40, Time: time.UnixMicro(1 << 50), Duration: time.Second,
			Actor:  Actor{UserID: "u", UserName: "a \"b\" \\ <c>", AccountID: "\u2028", AccountName: "中文", ProjectID: "p", ProjectName: "\x00\x1f\t\r\n", Groups: "a\nb"},
			Origin: Origin{Address: "::1", UserAgent: "x", RequestID: "r", Session: "s"}, Ticket: "t", OperationID: "o", OperationType: "T",
			BatchIndex: 20, InstanceID: 1 << 60, Target: "x", Reason: "\U0001F600", Seen: "y", Upstream: Upstream{200, "c", "m", "r"}, Detail: `{"a":1}`,
			Clock: time.UnixMicro(7).UTC()},
	} {
		text, err := Encode(r)
		if err != nil {
			f.Fatal(err)
		}
		if got, ok := readBody(text); !ok || got.Reason != r.Reason || got.Detail != r.Detail || got.Clock != r.Clock {
			f.Fatalf("%s is not read: %v", text, ok)
		}
		f.Add(string(text))
	}
	for _, text := range []string{`{"v":1,"seq":1,"ts":1}`, `{"v":1,"seq":01}`, `{"v":1,"seq":1,"seq":2}`, `{"v":1,"detail":"\ud83d\ude00"}`, `{"v":1,"detail":"\/\b\f\u00e9"}`,
		`{"v":1,"upstream":{"status":4294967296}}`, `{"v":1,"batch_index":2147483648}`, `{"v":1,"detail":"\x"}`, `{"v":1,"detail":"a`, "{\"v\":1,\"detail\":\"\xff\"}",
		`{"v":1,"actor":{}}`, `{"v":1,"duration_us":9223372036854775807}`, `{"v":1}x`, `{"v":2}`, `{"v":1,"Detail":"x"}`, `{"v":1,"detail":"\u00zz"}`, `{"v":1,"detail":"\u+123"}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := readBody([]byte(text))
		if want, err := decodeAny([]byte(text)); ok && (err != nil || got != want) {
			t.Errorf("%q: got %+v, want %+v (%v)", text, got, want, err)
		}
	})
}
