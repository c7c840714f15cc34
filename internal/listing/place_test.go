package listing

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coc-console/internal/coc"
	"coc-console/internal/finder"
	"coc-console/internal/watch"
	"coc-console/templates"
)

const (
	first  = "SCT2026112902441201d0a6e03"
	second = "SCT2026112902441202d0a6e03"
	third  = "SCT2026112902441203d0a6e03"
)

// threeTickets is a list of three, newest first, of which COC has 70.
func threeTickets() *watch.List {
	s := &watch.List{Page: coc.TicketPage{Total: 70}}
	for i, id := range []coc.ExecuteUUID{first, second, third} {
		s.Page.Tickets = append(s.Page.Tickets, coc.TicketSummary{ExecuteUUID: id, Name: "task", OrderID: int64(100 - i),
			Created: time.Unix(int64(1000-i*10), 0), Status: coc.TicketPaused})
	}
	s.Waiting, s.WaitingTotal = s.Page.Tickets[1:], 2
	return s
}

func TestPlace(t *testing.T) {
	beside := func(id, list string) templates.Neighbour {
		return templates.Neighbour{Name: "task", Address: "/tickets/" + id + "?from=" + list}
	}
	attention, later := New(), New()
	attention.Attention = true
	later.Query.Marker, later.Trail = 200, "300"
	for _, tt := range []struct {
		name    string
		filter  Filter
		hides   map[string]bool
		ticket  coc.ExecuteUUID
		created int64
		want    templates.Place
	}{
		{"the first of all", New(), nil, first, 1000,
			templates.Place{List: "/tickets?status=any", At: 1, Total: 70, Next: beside(second, "status%3Dany")}},
		{"the last that was read", New(), nil, third, 980,
			templates.Place{List: "/tickets?status=any", At: 3, Total: 70, Previous: beside(second, "status%3Dany")}},
		{"of those that need attention", attention, nil, second, 990,
			templates.Place{List: "/tickets?status=attention", At: 1, Total: 2, Next: beside(third, "status%3Dattention")}},
		{"one that needs none any more", attention, nil, "SCT2026112902441209d0a6e03", 985, templates.Place{
			List: "/tickets?status=attention", Total: 2, Previous: beside(second, "status%3Dattention"),
			Next: beside(third, "status%3Dattention")}},
		{"beside one that is hidden", New(), map[string]bool{second: true}, first, 1000,
			templates.Place{List: "/tickets?status=any", At: 1, Total: 69, Next: beside(third, "status%3Dany")}},
		{"on the third page", later, nil, first, 1000, templates.Place{List: "/tickets?after=200&status=any&trail=300",
			At: 101, Total: 70, Next: beside(second, "after%3D200%26status%3Dany%26trail%3D300")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.filter.Place(threeTickets(), tt.hides, tt.ticket, time.Unix(tt.created, 0))
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Errorf("place (-want +got):\n%s", diff)
			}
		})
	}
}

// TestFrom keeps what a list's address has, and nothing else.
func TestFrom(t *testing.T) {
	for text, want := range map[string]string{
		"status=attention":                  "status=attention",
		"name=a+b&after=12&trail=15.13&x=1": "after=12&name=a+b&trail=15.13",
		"https://example.com/":              "",
		"status=%zz":                        "",
		"name=\u202eevil":                   "",
	} {
		if got := From(text); got != want {
			t.Errorf("%q is read as %q, want %q", text, got, want)
		}
	}
}

// TestPlaceAmongServers: a list of tickets with a server has places as others have; how many there are is not told
// before all were looked through.
func TestPlaceAmongServers(t *testing.T) {
	f := New()
	f.Host = "web-07"
	found := finder.Result{Done: true}
	for _, one := range threeTickets().Page.Tickets {
		found.Hits = append(found.Hits, finder.Hit{TicketSummary: one})
	}
	for _, total := range []int64{3, -1} {
		got := f.Place(f.Servers(found), nil, second, time.Unix(990, 0))
		list := "host%3Dweb-07"
		want := &templates.Place{List: "/tickets?host=web-07", At: 2, Total: total,
			Previous: templates.Neighbour{Name: "task", Address: "/tickets/" + first + "?from=" + list},
			Next:     templates.Neighbour{Name: "task", Address: "/tickets/" + third + "?from=" + list}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("place (-want +got):\n%s", diff)
		}
		found.Done = false
	}
	page := &templates.Tickets{}
	f.Found(page, found, "web-07", time.Unix(2000, 0))
	if got, want := page.Rows[0].Address, "/tickets/"+first+"?from=host%3Dweb-07"; got != want {
		t.Errorf("a row leads to %s, want %s", got, want)
	}
}
