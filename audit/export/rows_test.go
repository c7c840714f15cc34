package export_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/export"
	"coc-console/audit/query"
	"coc-console/audit/search"
)

// TestExportOfRows: an export of a list of rows has the records of exactly the rows that all of its pages show, whatever
// a record itself says, and never what the reader may not see.
func TestExportOfRows(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn, audittest.Signing)
		o.Fill(t, 1_200, audittest.Busy())
		o.Signed(t)
		o.CaughtUp(t)
		all := o.Everything(t)
		own := search.Visibility{UserID: all[0].Actor.UserID}
		for _, q := range []search.Query{{}, {Outcome: query.Confirmed}, {Person: all[0].Actor.UserName}, {Text: []string{"word0"}},
			{From: all[300].Time, To: all[600].Time}, {Person: "nobody"}} {
			for _, p := range search.Presets() {
				for _, v := range []search.Visibility{audittest.All, own} {
					q.Visible = v
					o.sameAsRows(t, q, p, all)
				}
			}
		}
	})
}

func (o *opened) sameAsRows(t *testing.T, q search.Query, p search.Preset, all []audit.Record) {
	t.Helper()
	what := fmt.Sprintf("%s of %s for %+v", p, q, q.Visible)
	var want, got []int64
	page := q
	for page.Limit = 100; ; {
		found, err := o.Index.Rows(t.Context(), page, p)
		if err != nil {
			t.Fatal(what, err)
		}
		for _, row := range found.Rows {
			for _, n := range row.Records {
				if (search.Query{Visible: q.Visible}).Matches(all[n-1]) {
					want = append(want, n)
				}
			}
		}
		if page.Before = found.Next; found.Next == 0 {
			break
		}
	}
	slices.Sort(want)
	rows, err := export.RowsOf(t.Context(), o.Index, q, p)
	if err != nil {
		t.Fatal(what, err)
	}
	var lines, bundle bytes.Buffer
	if err := rows.Write(t.Context(), &lines, export.JSONL, nil); err != nil {
		t.Fatal(what, err)
	}
	for line := range strings.Lines(lines.String()) {
		var n int64
		if _, err := fmt.Sscanf(line, `{"v":1,"seq":%d,`, &n); err != nil {
			t.Fatal(what, line, err)
		}
		got = append(got, n)
	}
	if !slices.Equal(got, want) || rows.Count() != int64(len(want)) {
		t.Errorf("%s: %d records, said to be %d, want %d: %v, %v", what, len(got), rows.Count(), len(want), got, want)
	}
	err = export.Bundle(t.Context(), &bundle, o.Index, q, export.BundleOptions{Rows: rows})
	if len(want) == 0 {
		if err == nil {
			t.Errorf("%s: a bundle of nothing", what)
		}
		return
	}
	report := checkBundle(t, bundle.Bytes(), o.PublicKey())
	readme := textOf(unzip(t, bundle.Bytes()), "README.txt")
	if err != nil || !report.OK() || report.Records != int64(len(want)) || report.Rows == "" || !strings.Contains(readme, fmt.Sprintf("each row of %q", p)) {
		t.Errorf("%s: %+v (%v)\n%s", what, report, err, readme)
	}
}
