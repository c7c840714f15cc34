package auditview

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"coc-console/audit/query"
	"coc-console/audit/search"
	"coc-console/internal/ansi"
	"coc-console/templates"
)

// Spelled tells a page on which nothing was found how the log spells what the search asks for, where that differs in
// capitals alone: people, projects and approvers are found as they are written. Known are the values of a field that
// begin so, as search.Index.Complete has them.
func (f *LogForm) Spelled(ctx context.Context, known func(context.Context, search.Field, string,
	search.Visibility) ([]string, error), q search.Query, page *templates.Audit) error {
	if page.Meant != nil || len(page.Rows)+len(page.Operations) > 0 {
		return nil
	}
	found := false
	for _, field := range []search.Field{search.FieldActor, search.FieldProject, query.FieldApprover} {
		typed := q.Value(field)
		if *typed == "" {
			continue
		}
		values, err := known(ctx, field, *typed, q.Visible)
		if err != nil {
			return fmt.Errorf("read how the log spells %s %s: %w", field, *typed, err)
		}
		i := slices.IndexFunc(values, func(v string) bool { return strings.EqualFold(v, *typed) })
		if i < 0 || slices.Contains(values, *typed) {
			continue
		}
		*typed, found = values[i], true
	}
	if found {
		text := QueryText(q)
		page.Meant = &templates.Meant{Text: ansi.Visible(text), Address: ViewAddress(f.viewOf(), text)}
	}
	return nil
}
