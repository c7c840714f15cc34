package listing

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"coc-console/internal/present"
)

func parsed(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestTrail(t *testing.T) {
	many := strings.TrimSuffix(strings.Repeat("7.", maxTrail), ".")
	for _, tt := range []struct{ name, address, older, newer string }{
		{"first page", "/tickets?name=x", "/tickets?after=9&name=x", ""},
		{"second page", "/tickets?name=x&after=5", "/tickets?after=9&name=x&trail=5", "/tickets?name=x"},
		{"third page", "/tickets?after=3&trail=5", "/tickets?after=9&trail=5.3", "/tickets?after=5"},
		{"fourth page", "/tickets?after=2&trail=5.3", "/tickets?after=9&trail=5.3.2", "/tickets?after=3&trail=5"},
		{"a trail that is none", "/tickets?after=2&trail=5.x", "/tickets?after=9&trail=2", "/tickets"},
		{"empty filters", "/tickets?name=&status=", "/tickets?after=9", ""},
		{"a long trail", "/tickets?after=2&trail=" + many, "/tickets?after=9&trail=" + many[2:] + ".2", "/tickets?after=7&trail=" + many[2:]},
		{"a trail that is too long", "/tickets?after=2&trail=7." + many, "/tickets?after=9&trail=2", "/tickets"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := parsed(t, tt.address)
			if got := Older(u.Path, u.Query(), "9"); got != tt.older {
				t.Errorf("older: got %q, want %q", got, tt.older)
			}
			if got := Newer(u.Path, u.Query()); got != tt.newer {
				t.Errorf("newer: got %q, want %q", got, tt.newer)
			}
		})
	}
}

// TestTrailRoundTrip goes many pages on and back.
func TestTrailRoundTrip(t *testing.T) {
	here, been := "/tickets?name=x", []string(nil)
	for i := range 100 {
		been = append(been, here)
		here = Older("/tickets", parsed(t, here).Query(), present.Decimal(1000-i))
	}
	for _, want := range slices.Backward(been) {
		here = Newer("/tickets", parsed(t, here).Query())
		if u, err := url.Parse(here); err != nil || here != want && u.Query().Encode() != queryOf(t, want) {
			t.Fatalf("got %q, want %q", here, want)
		}
	}
}

func queryOf(t *testing.T, address string) string { return parsed(t, address).Query().Encode() }
