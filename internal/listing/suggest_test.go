package listing

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"coc-console/internal/coc"
	"coc-console/internal/i18n"
)

func TestSuggestions(t *testing.T) {
	known := Suggestions{States: []coc.TicketStatus{coc.TicketPaused, coc.TicketAbnormal},
		Tickets: []coc.TicketSummary{{Name: "reload_nginx", Creator: "operator"}, {Name: "nginx", Creator: "pia"},
			{Name: "two words", Creator: "pia"}, {Name: "\u202eevil"}},
		Hosts: func(part string, _ int) []string { return []string{"web-" + part} }}
	for _, tt := range []struct {
		language    i18n.Language
		field, part string
		want        []string
	}{
		{i18n.EnUS, "", "h", []string{"host:"}},
		{i18n.ZhCN, "", "主", []string{"主机:"}},
		{i18n.ZhCN, "", "ho", []string{"host:"}},
		{i18n.EnUS, "state", "pa", []string{"state:Paused"}},
		{i18n.EnUS, "state", "needs", []string{`state:"Needs attention"`}},
		{i18n.ZhCN, "状态", "暂", []string{"状态:已暂停"}},
		{i18n.EnUS, "name", "nginx", []string{"name:nginx", "name:reload_nginx"}},
		{i18n.EnUS, "name", "words", []string{`name:"two words"`}},
		{i18n.EnUS, "creator", "", []string{"creator:operator", "creator:pia"}},
		{i18n.EnUS, "host", "07", []string{"host:web-07"}},
		{i18n.EnUS, "host", "", []string{}},
		{i18n.EnUS, "after", "", []string{"after:1h", "after:24h", "after:7d", "after:30d"}},
		{i18n.EnUS, "colour", "r", []string{}},
	} {
		if diff := cmp.Diff(tt.want, known.Of(i18n.For(tt.language), tt.field, tt.part)); diff != "" {
			t.Errorf("%s:%s (-want +got):\n%s", tt.field, tt.part, diff)
		}
	}
}
