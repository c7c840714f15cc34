package present

import (
	"coc-console/internal/i18n"
	"coc-console/templates"
	"net/url"
	"slices"
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 2, 1, 15, 0, 0, time.UTC)
	for _, tt := range []struct {
		in    string
		want  time.Time
		exact bool
	}{
		{"2026-03-02T01:15Z", at, true},
		{"2026-03-02T09:15+08:00", at, true},
		{"2026-03-02T09:15:30+08:00", at.Add(30 * time.Second), true},
		{"2026-03-02T09:15", at, false},
		{"2026-03-02T09:15:30", at.Add(30 * time.Second), false},
		{"2026-03-02", at.Add(-9*time.Hour - 15*time.Minute), false},
	} {
		got, exact, err := ParseTime(tt.in, shanghai, false)
		if err != nil || !got.Equal(tt.want) || exact != tt.exact {
			t.Errorf("%s: got %v, %v, %v", tt.in, got, exact, err)
		}
	}
	for _, in := range []string{"", "yesterday", "2026-13-01", "2026-03-02T25:00", "1e3", "2026-03-02 09:15"} {
		if got, _, err := ParseTime(in, shanghai, false); err == nil {
			t.Errorf("%q is taken for %v", in, got)
		}
	}
}

func TestSpan(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, query, shownFrom, shownTo, address string
		wrong                                    []string
	}{
		{"nothing", "name=x", "", "", "", nil},
		{"exact", "from=2026-07-01T08:00Z&to=2026-07-01T10:00%2B02:00", "2026-07-01T10:00", "2026-07-01T10:00", "", nil},
		{"local", "from=2026-07-01T08:00&name=x", "2026-07-01T08:00", "", "/tickets?from=2026-07-01T08%3A00%2B02%3A00&name=x", nil},
		{"a day", "to=2026-01-05", "", "2026-01-05T00:00", "/tickets?to=2026-01-05T00%3A00%2B01%3A00", nil},
		{"no time", "from=soon&to=2026-07-01", "soon", "2026-07-01T00:00", "/tickets?from=soon&to=2026-07-01T00%3A00%2B02%3A00", []string{"from"}},
		{"too far away", "from=0001-01-01&to=9999-01-01", "0001-01-01", "9999-01-01", "", []string{"from", "to"}},
		{"wrong order", "from=2026-07-02T00:00Z&to=2026-07-01T00:00Z", "2026-07-02T02:00", "2026-07-01T02:00", "", []string{"to"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u, err := url.Parse("/tickets?" + tt.query)
			if err != nil {
				t.Fatal(err)
			}
			errs := templates.FieldErrors{}
			s := ReadSpan(i18n.WithZone(t.Context(), berlin), u.Query(), errs)
			address := ""
			if s.Local {
				address = s.ExactAddress(u.Path, u.Query())
			}
			if s.ShownFrom != tt.shownFrom || s.ShownTo != tt.shownTo || address != tt.address {
				t.Errorf("shown %q to %q, address %q", s.ShownFrom, s.ShownTo, address)
			}
			for _, name := range []string{"from", "to"} {
				if (errs[name] != "") != slices.Contains(tt.wrong, name) {
					t.Errorf("%s: %q", name, errs[name])
				}
			}
		})
	}
}

// TestRepeatedHour: a range from and to an hour that is repeated when clocks are
// set back has both.
func TestRepeatedHour(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	s := SpanIn(url.Values{"from": {"2026-10-25T02:30"}, "to": {"2026-10-25T02:30"}}, berlin, i18n.For("en-us").Field, templates.FieldErrors{})
	want := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC)
	if !s.From.Equal(want) || !s.To.Equal(want.Add(time.Hour)) {
		t.Errorf("from %v to %v, want %v and an hour later", s.From, s.To, want)
	}
}
