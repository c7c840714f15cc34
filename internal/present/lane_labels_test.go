package present

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"coc-console/internal/coc"
	"coc-console/internal/watch"
)

// TestLabelsOverLanes: however long a pause is and whenever it began, no label lies on another, and that of the last
// pause is there unless it is hardly longer than the shortest that has one.
func TestLabelsOverLanes(t *testing.T) {
	for _, begun := range []time.Duration{time.Minute, 20 * time.Minute, 3 * time.Hour} {
		for paused := 2 * time.Minute; paused < 60*24*time.Hour; paused += paused/3 + time.Second {
			first := batch(1, "sss")
			for n := range first.Instances {
				first.Instances[n].Finished = noon.Add(begun)
			}
			s := ticket(coc.TicketPaused, 1, first, batch(2, "www"))
			s.Ticket.Created, s.At = noon, noon.Add(begun+paused)
			s.Events = []watch.Event{{Subject: watch.SubjectTicket, To: string(coc.TicketPaused), Seen: noon.Add(begun)}}
			l := NewCourse(s, nil, time.Hour).Lanes(SituationOf(s), InstanceFilter{})
			var taken labels
			kinds := ""
			for _, k := range l.Ticks {
				at, err := strconv.ParseFloat(strings.TrimSuffix(k.X, "%"), 64)
				if err != nil {
					t.Fatal(err)
				}
				width := 100 * float64(map[string]int{"now": nowLabel, "pause": pauseLabel(k.Took), "halt": pauseLabel(k.Took), "": timeLabel, "start": timeLabel}[k.Kind]) / laneWidth
				place := interval{at - width/2, at + width/2}
				if k.Kind == "start" {
					place = interval{at, at + width}
				}
				if !taken.take(place) || place.from < -width/2 {
					t.Errorf("begun %s, paused %s: %q at %s lies on another label", begun, paused, k.Kind, k.X)
				}
				kinds += " " + k.Kind
			}
			if paused > 10*begun && !strings.Contains(kinds, "pause") {
				t.Errorf("begun %s, paused %s: the labels are%s", begun, paused, kinds)
			}
		}
	}
}
