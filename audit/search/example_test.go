package search_test

import (
	"errors"
	"fmt"
	"time"

	"coc-console/audit/search"
)

// A query is words, phrases in quotes, qualifiers, and what must not be.
func ExampleParseQuery() {
	q, err := search.ParseQuery(`actor:ann action:operation after:2026-01-31 "disk full" -outcome:succeeded`, time.UTC)
	fmt.Println(q.Person, q.Action, q.From.Format(time.DateOnly), q.Text, q.Not, err)
	fmt.Println(q)
	// Output:
	// ann operation. 2026-01-31 [disk full] [outcome:succeeded] <nil>
	// actor:ann action:operation. after:2026-01-31 "disk full" -outcome:succeeded
}

// An error says which part of a query is wrong, and what may have been meant.
func ExampleQueryError() {
	_, err := search.ParseQuery("actr:ann", time.UTC)
	if wrong, ok := errors.AsType[*search.QueryError](err); ok {
		fmt.Println(wrong.Kind, wrong.Word, wrong.Suggestion)
	}
	// Output: qualifier actr:ann actor
}
