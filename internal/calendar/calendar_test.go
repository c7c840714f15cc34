package calendar_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"coc-console/internal/calendar"
)

const berlin = `{
  "zone": "Europe/Berlin",
  "windows": [
    {"name": "weekend", "from": "Fri 18:00", "to": "Monday 06:00"},
    {"name": "freeze", "from": "2026-12-18 18:00", "to": "2027-01-04 08:00"},
    {"name": "freeze", "from": "2027-01-04 07:00", "to": "2027-01-05 08:00"},
    {"name": "shift", "from": "Sun 02:30", "to": "Sun 02:45"},
    {"name": "clock", "from": "Sat 20:00", "to": "Sun 02:30"}
  ]
}`

func parsed(t testing.TB, text string) *calendar.Calendar {
	t.Helper()
	c, err := calendar.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestInForce: windows begin and end by the clock of their zone, whatever the zone of the question is.
func TestInForce(t *testing.T) {
	c := parsed(t, berlin)
	for at, want := range map[string]string{
		"2026-12-18T17:59:59+01:00": "",
		"2026-12-18T17:00:00Z":      "freeze weekend", // a Friday, 18:00 in Berlin
		"2026-12-21T05:59:59+01:00": "freeze weekend",
		"2026-12-21T06:00:00+01:00": "freeze",
		"2027-01-04T07:59:59Z":      "freeze", // of the second of that name
		"2027-01-05T08:00:00+01:00": "",
		"2026-07-06T03:59:59Z":      "weekend", // summer time
		"2026-07-06T04:00:00Z":      "",
		"2026-10-25T00:29:59Z":      "clock weekend", // 02:29:59, the first of two
		"2026-10-25T00:30:00Z":      "clock shift weekend",
		"2026-10-25T01:29:59Z":      "clock shift weekend", // 02:29:59, the second
		"2026-10-25T01:30:00Z":      "shift weekend",
		"2026-10-25T01:45:00Z":      "weekend",
		"2026-03-29T00:59:59Z":      "clock weekend", // 01:59:59; the next second is 03:00
	} {
		when, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(c.InForce(when), " "); got != want {
			t.Errorf("at %s: %q, want %q", at, got, want)
		}
	}
}

// TestEnd: a name ends with the last of its windows that follow each other.
func TestEnd(t *testing.T) {
	c := parsed(t, berlin)
	at := time.Date(2026, 12, 19, 12, 0, 0, 0, time.UTC)
	all := c.Windows(at)
	if len(all) != 2 || all[0].Name != "freeze" || all[0].End.Format(time.RFC3339) != "2027-01-05T08:00:00+01:00" ||
		all[1].Name != "weekend" || all[1].End.Format(time.RFC3339) != "2026-12-21T06:00:00+01:00" {
		t.Errorf("%+v", all)
	}
	if end := c.End("freeze", at.AddDate(1, 0, 0)); !end.IsZero() {
		t.Errorf("the end of what is not in force: %s", end)
	}
	always := parsed(t, `{"zone": "UTC", "windows": [{"name": "a", "from": "Mon 00:00", "to": "Thu 00:00"},
		{"name": "a", "from": "Thu 00:00", "to": "Mon 00:00"}]}`)
	if end := always.End("a", at); !end.IsZero() || len(always.InForce(at)) != 1 {
		t.Errorf("the end of what always is: %s", end)
	}
	var none *calendar.Calendar
	if none.InForce(at) != nil || none.Names() != nil || !none.End("a", at).IsZero() || len(none.Windows(at)) != 0 {
		t.Error("no calendar has a window")
	}
	if !slices.Equal(c.Names(), []string{"clock", "freeze", "shift", "weekend"}) {
		t.Errorf("names: %v", c.Names())
	}
}

// TestRemembered: what is remembered of one time is never said of another: a calendar that is asked often says what a
// new one says, in any order, and End is the first time at which a name is not in force.
func TestRemembered(t *testing.T) {
	days := []string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}
	rapid.Check(t, func(t *rapid.T) {
		clock := rapid.StringMatching(`([01][0-9]|2[0-3]):[0-5][0-9]`)
		from := rapid.SampledFrom(days).Draw(t, "day") + " " + clock.Draw(t, "from")
		to := rapid.SampledFrom(days).Draw(t, "until") + " " + clock.Draw(t, "to")
		if from == to {
			t.Skip()
		}
		text := []byte(`{"zone": "America/New_York", "windows": [{"name": "a", "from": "` + from + `", "to": "` + to + `"},
			{"name": "b", "from": "2026-11-01 01:30", "to": "2026-11-08 12:00"}]}`)
		often, err := calendar.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Date(2026, 10, 28, 0, 0, 0, 0, time.UTC)
		for range 40 {
			at := start.Add(time.Duration(rapid.IntRange(0, 20*24*60).Draw(t, "minute")) * time.Minute)
			fresh, err := calendar.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			got, want := often.InForce(at), fresh.InForce(at)
			if !slices.Equal(got, want) {
				t.Fatalf("%s to %s at %s: %v, then %v", from, to, at, want, got)
			}
			for _, name := range got {
				end := often.End(name, at)
				if !end.After(at) || slices.Contains(fresh.InForce(end), name) || !slices.Contains(fresh.InForce(end.Add(-time.Second)), name) {
					t.Fatalf("%s to %s at %s: %s ends %s", from, to, at, name, end)
				}
			}
		}
	})
}

// TestWrong: an error names the line and the window.
func TestWrong(t *testing.T) {
	for text, want := range map[string]string{
		``:                               "it is empty",
		`[]`:                             "line 1, column 1: it is a list, and must be an object",
		"{\n\"zone\": \"UTC\",,\n}":      "line 2, column 15: not JSON",
		"{\n\"zones\": \"UTC\"}":         `line 2, column 1: unknown field "zones": there are zone, windows`,
		`{}`:                             `no "zone"`,
		`{"zone": "Local"}`:              `no time zone "Local"`,
		`{"zone": "Mars/Base"}`:          `no time zone "Mars/Base"`,
		`{"zone": 1}`:                    `line 1, column 10: "zone" is a number, and must be a text`,
		`{"zone": "UTC", "windows": {}}`: `"windows" is an object, and must be a list of objects`,
		`{"zone": "UTC"} {}`:             "line 1, column 17: something follows the JSON",
		window(`"name": "", "from": "", "to": ""`):                                  "line 4, column 1: window \"\": its name is empty",
		window(`"name": "a", "frm": ""`):                                            `line 4, column 15: unknown field "frm": there are name, from, to`,
		window(`"name": "a", "from": "Fri", "to": ""`):                              `line 4, column 1: window "a": from: "Fri" is no time such as Fri 16:00`,
		window(`"name": "a", "from": "Fri 24:00", "to": "Mon 08:00"`):               `"Fri 24:00" is no time`,
		window(`"name": "a", "from": "Fri 8:00", "to": "Mon 08:00"`):                `"Fri 8:00" is no time`,
		window(`"name": "a", "from": "Fri 08:00", "to": "2026-02-30 08:00"`):        `to: "2026-02-30 08:00" is no time`,
		window(`"name": "a", "from": "Fri 08:00", "to": "2026-02-03 08:00"`):        `both of a week`,
		window(`"name": "a", "from": "Fri 08:00", "to": "friday 08:00"`):            `begins when it ends`,
		window(`"name": "a", "from": "2026-02-03 08:00", "to": "2026-02-03 08:00"`): `does not end after`,
	} {
		if _, err := calendar.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// window is a calendar with a window on the fourth line.
func window(members string) string {
	return "{\n\"zone\": \"UTC\",\n\"windows\": [{\"name\": \"good\", \"from\": \"Mon 08:00\", \"to\": \"Mon 09:00\"},\n{" + members + "}]}"
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(berlin))
	f.Add([]byte(window(`"name": "a"`)))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := calendar.Parse(text)
		if err != nil {
			return
		}
		at := time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC)
		for _, w := range c.Windows(at) {
			if !w.End.IsZero() && !w.End.After(at) {
				t.Errorf("%s ended %s", w.Name, w.End)
			}
		}
	})
}
