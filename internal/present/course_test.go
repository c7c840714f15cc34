package present

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/course"
	"coc-console/internal/i18n"
	"coc-console/internal/watch"
	"coc-console/templates"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// batch is a batch of instances in these states: f failed, s succeeded, r running, w waiting, c cancelled.
func batch(index int32, states string) watch.Batch {
	b := watch.Batch{Batch: coc.Batch{Index: index, TotalInstances: int32(len(states))}, At: noon}
	for n, s := range states {
		i := watch.Instance{Instance: coc.Instance{ID: int64(1000*index) + int64(n), Status: map[rune]coc.InstanceStatus{'f': coc.InstanceAbnormal,
			's': coc.InstanceFinished, 'r': coc.InstanceProcessing, 'w': coc.InstanceReady, 'c': coc.InstanceCanceled}[s]}}
		i.Target.HostName, i.Target.ZoneID = fmt.Sprintf("web-%d-%d", index, n), "a"
		if s != 'w' {
			i.Created = noon.Add(time.Duration(index) * time.Minute)
		}
		if s == 'f' || s == 's' {
			i.Finished = i.Created.Add(30 * time.Second)
		}
		b.Instances = append(b.Instances, i)
	}
	return b
}

func ticket(status coc.TicketStatus, current int32, batches ...watch.Batch) *watch.Snapshot {
	rate := 90.0
	s := &watch.Snapshot{Ticket: coc.Ticket{ExecuteUUID: "SCT2026030209151401c2f9a07", Status: status, CurrentBatch: current, Created: noon,
		SuccessRate: &rate}, Batches: batches}
	s.At = noon.Add(10 * time.Minute)
	count := map[coc.InstanceStatus]*coc.StatusCount{}
	for _, b := range batches {
		for _, r := range b.Instances {
			if count[r.Status] == nil {
				count[r.Status] = &coc.StatusCount{Status: r.Status}
			}
			count[r.Status].Count++
			count[r.Status].Batches = append(count[r.Status].Batches, b.Index)
			s.Statistics.Total++
		}
	}
	for _, c := range count {
		s.Statistics.Counts = append(s.Statistics.Counts, *c)
	}
	return s
}

// TestFold: what matters is shown, in the order in which it matters, and of a large ticket no more than two windows hold.
func TestFold(t *testing.T) {
	twenty := []watch.Batch{batch(1, "ssssssssss"), batch(2, "ssssssssff"), batch(3, "rrrrrrrrss")}
	for n := range int32(17) {
		twenty = append(twenty, batch(n+4, "wwwwwwwwww"))
	}
	for name, tt := range map[string]struct {
		batches []watch.Batch
		filter  InstanceFilter
		over    bool
		shown   string // the states of the shown rows
		folds   string
	}{
		"a small one is whole":         {[]watch.Batch{batch(1, "ssf"), batch(2, "www")}, InstanceFilter{}, false, "fwwwss", ""},
		"a large one":                  {twenty, InstanceFilter{}, false, "ff" + strings.Repeat("r", 8) + strings.Repeat("w", 10), "WAITING 160 5-20, DONE 20 1-3"},
		"waiting ones are unfolded":    {twenty, InstanceFilter{Unfolded: UnfoldWaiting}, false, "ff" + strings.Repeat("r", 8) + strings.Repeat("w", 170), "DONE 20 1-3"},
		"all are unfolded":             {twenty, InstanceFilter{Unfolded: UnfoldAll}, false, "", ""},
		"sorted it is whole":           {twenty, InstanceFilter{Sort: SortHost}, false, "", ""},
		"of one state it is whole":     {twenty, InstanceFilter{Status: coc.InstanceReady}, false, strings.Repeat("w", 170), ""},
		"one batch is whole":           {twenty, InstanceFilter{Batch: 2}, false, "ffssssssss", ""},
		"over: the failed alone":       {[]watch.Batch{batch(1, "ssf"), batch(2, "sss")}, InstanceFilter{}, true, "f", "DONE 5 1-2"},
		"over: done on demand":         {[]watch.Batch{batch(1, "ssf"), batch(2, "sss")}, InstanceFilter{Unfolded: UnfoldDone}, true, "fsssss", ""},
		"over without failures":        {[]watch.Batch{batch(1, "sss")}, InstanceFilter{}, true, "sss", ""},
		"nothing but failures has end": {[]watch.Batch{batch(1, strings.Repeat("f", 200))}, InstanceFilter{}, false, strings.Repeat("f", shownFolded), "FAILED 164 1-1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := ticket(coc.TicketProcessing, 1, tt.batches...)
			rows := tt.filter.Rows(s)
			shown, folds := tt.filter.Fold(s, rows, tt.over)
			var states strings.Builder
			for _, r := range shown {
				states.WriteString(map[coc.InstanceStatus]string{coc.InstanceAbnormal: "f", coc.InstanceFinished: "s", coc.InstanceProcessing: "r", coc.InstanceReady: "w"}[r.Status])
			}
			var folded []string
			left := len(rows) - len(shown)
			for _, f := range folds {
				folded = append(folded, fmt.Sprintf("%s %d %d-%d", f.Kind, f.Count, f.First, f.Last))
				left -= f.Count
			}
			if left != 0 {
				t.Errorf("%d rows are neither shown nor folded", left)
			}
			if tt.shown != "" && states.String() != tt.shown || tt.shown == "" && len(shown) != len(rows) {
				t.Errorf("shown are %q, want %q", states.String(), tt.shown)
			}
			if diff := cmp.Diff(tt.folds, strings.Join(folded, ", ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestLikelyCause: of an operation whose answer was lost the page says no more than its receipt does.
func TestLikelyCause(t *testing.T) {
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	step := func(a audit.Action, seconds int) course.Deed {
		return course.Deed{At: at.Add(time.Duration(seconds) * time.Second), Actor: "ann", Action: a, ID: "p", Type: coc.PauseOrder}
	}
	requested, observed := step(audit.ActionOperationRequested, 0), step(audit.ActionOperationObserved, 4)
	for answer, want := range map[audit.Action][2]string{
		audit.ActionOperationAccepted: {"PAUSED_HERE", "operation.observed"},
		audit.ActionOperationUnknown:  {"PAUSED_LIKELY_HERE", "operation.likely"},
		audit.ActionOperationRejected: {"PAUSED_LIKELY_HERE", "operation.likely"},
	} {
		deeds := []course.Deed{observed, step(answer, 1), requested}
		c := NewCourse(ticket(coc.TicketPaused, 1, batch(1, "sw")), deeds, time.Hour)
		got := [2]string{c.Verdict(false).Kind}
		for _, e := range c.Feed() {
			if e.Kind == "operation" {
				got[1] = e.Status
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", answer, got, want)
		}
	}
	for _, tag := range []i18n.Language{i18n.EnUS, i18n.ZhCN} {
		texts := i18n.For(tag).Course
		for _, kind := range []string{"PAUSED_LIKELY_HERE", "CANCELED_LIKELY_HERE"} {
			if texts.Lead[kind] == "" || texts.Rest[kind] == "" || texts.Outcome["operation.likely"] == "" {
				t.Errorf("%s has no words for %s", tag, kind)
			}
		}
	}
}

// TestOutputs: failures are one where they differ in numbers, ids and the names of their hosts alone.
func TestOutputs(t *testing.T) {
	b := batch(1, "ffffffs")
	for n, message := range []string{
		"fips_selftest: HMAC mismatch on web-1-0 (pid 4711), exit status 4",
		"fips_selftest: HMAC mismatch on web-1-1 (pid 99), exit status 4",
		"fips_selftest: HMAC mismatch on web-1-2 (pid 1), exit status 1",
		"request 66006c8e-dc6b-45bb-a65b-6f8a37003000 refused", "request 11116c8e-dc6b-45bb-a65b-6f8a37003fff refused", "exit status 4", "done",
	} {
		b.Instances[n].Message = message
	}
	b.Instances[5].Why = "no space left on device"
	c := NewCourse(ticket(coc.TicketAbnormal, 1, b), nil, time.Hour)
	var got []string
	for _, g := range c.Outputs(InstanceFilter{}, i18n.For(i18n.EnUS)).Groups {
		got = append(got, fmt.Sprintf("%d %s | %s", len(g.Hosts), g.Label, g.Line))
	}
	want := []string{"2 exit status 4 | fips_selftest: HMAC mismatch on web-1-0 (pid 4711)", "2  | request 66006c8e-dc6b-45bb-a65b-6f8a37003000 refused",
		"1 exit status 1 | fips_selftest: HMAC mismatch on web-1-2 (pid 1)", "1 exit status 4 | no space left on device"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestLanes: each batch has its place in time; those that are over and those that wait are folded where there are many.
func TestLanes(t *testing.T) {
	var batches []watch.Batch
	for n := range int32(12) {
		batches = append(batches, batch(n+1, "ssf"))
	}
	batches = append(batches, batch(13, "rrw"))
	for n := range int32(7) {
		batches = append(batches, batch(n+14, "wwwwwwwwwwww"))
	}
	s := ticket(coc.TicketProcessing, 13, batches...)
	s.At = noon.Add(14 * time.Minute)
	c := NewCourse(s, nil, time.Hour)
	l := c.Lanes(SituationOf(s), InstanceFilter{Batch: 2})
	var rows []int32
	for _, r := range l.Rows {
		rows = append(rows, r.Index)
	}
	if diff := cmp.Diff([]int32{2, 9, 10, 11, 12, 13, 14}, rows); diff != "" {
		t.Error(diff)
	}
	if l.Before == nil || l.Before.First != 1 || l.Before.Last != 7 || l.After == nil || l.After.Instances != 72 {
		t.Errorf("folded are %+v and %+v", l.Before, l.After)
	}
	running := l.Rows[len(l.Rows)-2]
	if !running.To.IsZero() || running.Took != time.Minute || len(running.Parts) != 1 || !running.Current {
		t.Errorf("the batch that runs is %+v", running)
	}
	if l.Rows[1].Parts[0].X != "45.00%" || len(l.Rows[1].Parts) != 2 { // 9 of 20 minutes, with what is left
		t.Errorf("batch 9 is at %v", l.Rows[1].Parts)
	}
	if !l.Rows[0].Selected || l.Now != "70.00%" {
		t.Errorf("batch 2 is %v, now is at %s", l.Rows[0].Selected, l.Now)
	}
	for begun := range int32(20) { // as batches begin, the lines stay as many
		lanes := make([]templates.Lane, 20)
		for i := range lanes[:begun] {
			lanes[i].From = noon
		}
		before, rows, after := windowOf(lanes)
		lines := len(rows)
		for _, fold := range [][]templates.Lane{before, after} {
			if len(fold) > 0 {
				lines++
			}
		}
		if lines != maxLines || len(before)+len(rows)+len(after) != 20 {
			t.Errorf("with %d of 20 begun there are %d lines, %d of them rows", begun, lines, len(rows))
		}
	}
	table := c.Lanes(SituationOf(s), InstanceFilter{Table: true})
	if len(table.Rows) != 20 || table.Before != nil || strings.Contains(table.Switch, "batches=table") {
		t.Errorf("the table has %d rows, and leads to %s", len(table.Rows), table.Switch)
	}
}

func TestVerdict(t *testing.T) {
	stopped := ticket(coc.TicketAbnormal, 2, batch(1, "ss"), batch(2, "sffw"))
	got := NewCourse(stopped, nil, time.Hour).Verdict(false)
	if got.Kind != "STOPPED" || got.Failed != 2 || got.Total != 4 || got.Threshold != "90" || got.Reach != "MISSED" || !got.At.Equal(noon.Add(150*time.Second)) {
		t.Errorf("the verdict is %+v", got)
	}
	if got := NewCourse(stopped, nil, time.Hour).Verdict(true).Kind; got != "ENDED" {
		t.Errorf("of a ticket that is over the verdict is %s", got)
	}
	if got := NewCourse(ticket(coc.TicketProcessing, 1, batch(1, "fffr")), nil, time.Hour).Verdict(false).Kind; got != "MISSED" {
		t.Errorf("where the threshold cannot be met the verdict is %s", got)
	}
	p := ProgressOf(ticket(coc.TicketProcessing, 1, batch(1, "sssssssssf"), batch(2, "wwwwwwwwww")))
	if p.Success == nil || p.Success.Done != 10 || p.Success.Percent != "90" || p.Success.MayFail != 1 {
		t.Errorf("success is %+v", p.Success)
	}
}

// TestFinishedWhenItWas: that a ticket has finished stands where COC says it was, not where the console saw it.
func TestFinishedWhenItWas(t *testing.T) {
	s := ticket(coc.TicketFinished, 1, batch(1, "ss"))
	end := noon.Add(90 * time.Second)
	s.Events = []watch.Event{{Subject: watch.SubjectTicket, From: "PROCESSING", To: "FINISHED", After: noon, Seen: s.At}}
	for name, finished := range map[string]time.Time{"the ticket's": end, "the last instance's": {}, "after it was seen": s.At.Add(time.Hour)} {
		s.Ticket.Finished = finished
		want := end
		if finished.After(s.At) {
			want = s.At // clocks differ
		}
		for _, e := range slices.DeleteFunc(NewCourse(s, nil, time.Hour).Feed(), func(e templates.FeedEntry) bool { return e.Kind == "batches" || e.Kind == "created" }) {
			if e.Kind != "ticket" || !e.Time.Equal(want) || e.After.IsZero() != (want == end) {
				t.Errorf("%s: finished at %s, after %s, want %s", name, e.Time, e.After, want)
			}
		}
	}
}

// TestParseInstanceFilter: what an address says is read, and written the same way.
func TestParseInstanceFilter(t *testing.T) {
	for query, wrong := range map[string]string{
		"batch=2&batches=table&by=output&q=web&rows=all&sort=-host&status=DONE": "", "sort=name": "name", "status=GONE": "GONE", "rows=some": "some",
		"q=" + strings.Repeat("x", MaxSearch+1): strings.Repeat("x", MaxSearch+1),
	} {
		values := map[string]string{}
		for pair := range strings.SplitSeq(query, "&") {
			name, text, _ := strings.Cut(pair, "=")
			values[name] = text
		}
		f, got, err := ParseInstanceFilter(func(name string) string { return values[name] })
		if err != nil || got != wrong || wrong == "" && f.Query() != query {
			t.Errorf("%s is %q, refused for %q: %v", query, f.Query(), got, err)
		}
	}
	if _, _, err := ParseInstanceFilter(func(name string) string { return map[string]string{"batch": "x"}[name] }); err == nil {
		t.Error("a batch that is no number is taken")
	}
}

// TestLanesOfAClockAhead: by COC's clock now is not before what it says has begun; the last quarter is what is left.
func TestLanesOfAClockAhead(t *testing.T) {
	s := ticket(coc.TicketProcessing, 1, batch(1, "srr"), batch(2, "ww"))
	s.At = noon.Add(-30 * time.Minute)
	l := NewCourse(s, nil, time.Hour).Lanes(SituationOf(s), InstanceFilter{})
	if l.Now != "75.00%" || len(l.Rows[0].Parts) != 2 || l.Rows[0].Took <= 0 {
		t.Errorf("now is at %s, the batch is %+v", l.Now, l.Rows[0])
	}
}
