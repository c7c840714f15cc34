// Package preflight tries what a console needs, from outside in: its address, its certificate, the services, the
// company's provider, its databases and keys. It changes nothing.
package preflight

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
)

// State is how a check ended.
type State string

// The states. Only Failed stops a console, or people who use it.
const (
	OK       State = "ok"
	Warning  State = "warning"
	Failed   State = "failed"
	NotTried State = "not tried"
)

// A Result is one line: what was looked at, what came of it, and what to do where it isn't ok.
type Result struct {
	Check string `json:"check"`
	State State  `json:"state"`
	Text  string `json:"text"`
	Do    string `json:"do,omitempty"`
}

// A Check gives one line or several.
type Check func(context.Context) []Result

// Run does checks in their order.
func Run(ctx context.Context, checks ...Check) []Result {
	var all []Result
	for _, check := range checks {
		all = append(all, check(ctx)...)
	}
	return all
}

// Count is how many results have a state.
func Count(all []Result, state State) (n int) {
	for _, r := range all {
		if r.State == state {
			n++
		}
	}
	return n
}

// Text prints a line for each result.
func Text(all []Result) string {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, r := range all {
		text := r.Text
		if r.Do != "" {
			text += ". To do: " + r.Do
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", r.State, r.Check, strings.ReplaceAll(text, "\n", " "))
	}
	_ = table.Flush() // into memory
	return b.String()
}

func ok(check, format string, values ...any) Result {
	return Result{Check: check, State: OK, Text: fmt.Sprintf(format, values...)}
}

func failed(check, text, do string) Result {
	return Result{Check: check, State: Failed, Text: text, Do: do}
}

func warning(check, text, do string) Result {
	return Result{Check: check, State: Warning, Text: text, Do: do}
}

// Skip says that something was not tried, and why.
func Skip(check, why string) Result { return Result{Check: check, State: NotTried, Text: why} }

// Of is the result of a check that gives an error or nothing.
func Of(check, well string, err error, do string) Result {
	if err != nil {
		return failed(check, err.Error(), do)
	}
	return ok(check, "%s", well)
}
