package templates

import (
	"bytes"
	"strings"
	"testing"

	"coc-console/internal/i18n"
)

// TestFiguresNotRead: below a list stands why tickets that have ended have no figures, where their reader may have some.
func TestFiguresNotRead(t *testing.T) {
	for name, tt := range map[string]struct {
		page Tickets
		told bool
	}{
		"ended unread":   {Tickets{Rows: []TicketRow{{Over: true}}}, true},
		"ended and read": {Tickets{Rows: []TicketRow{{Over: true, Total: 4}}}, false},
		"not read yet":   {Tickets{Rows: []TicketRow{{}}}, false},
		"may not read":   {Tickets{Rows: []TicketRow{{Over: true}}, Narrow: true}, false},
	} {
		var b bytes.Buffer
		if err := tt.page.total().Render(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		if told := strings.Contains(b.String(), i18n.T(t.Context()).List.EndedUnread); told != tt.told {
			t.Errorf("%s: %s", name, b.String())
		}
	}
}
