package handlers

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"coc-console/audit/search"
)

// Completion is what a word of a search can become.
type Completion struct {
	Options []string `json:"options"` // words of the language of searches
}

// SuggestValues offers values that occur in what the reader may see of the log, as
// words of a search; without a field the qualifiers.
func (h *Handlers) SuggestValues(c echo.Context) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	field, prefix := search.Field(strings.ToLower(h.logForm(c).Value("field"))), h.logForm(c).Value("prefix")
	answer := Completion{Options: []string{}}
	if field == "" {
		for _, name := range qualifiers() {
			if strings.HasPrefix(name, strings.ToLower(prefix)) {
				answer.Options = append(answer.Options, name)
			}
		}
		return c.JSON(http.StatusOK, answer)
	}
	values, err := h.index.Complete(ctx, field, prefix, v.sees())
	if err != nil {
		return err
	}
	for _, value := range values {
		answer.Options = append(answer.Options, search.Filter{Field: field, Value: value}.String())
	}
	return c.JSON(http.StatusOK, answer)
}

// qualifiers are those of the language of searches, as they are typed.
func qualifiers() []string {
	all := make([]string, 0, len(search.Fields())+2)
	for _, f := range search.Fields() {
		all = append(all, string(f)+":")
	}
	return append(all, "after:", "before:", "last night")
}
