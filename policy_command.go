package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"coc-console/internal/coc"
	"coc-console/internal/policy"
)

// policyConfig is what the commands on policies can be told.
type policyConfig struct {
	files                            policy.Files
	managers, user, operation        string
	creator, project, status, region string
	total, stops, running, bulk      int
	reason, counted, approved, glass bool
	at                               string
}

func policyFlags(c *policyConfig) *flag.FlagSet {
	f := flag.NewFlagSet("policy", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&c.files.Policy, "policy", "", "`FILE` of Cedar policies; the built-in ones without it")
	f.StringVar(&c.files.Directory, "directory", "", "JSON `FILE` with roles and teams")
	f.StringVar(&c.managers, "managers", "", "`LIST` of account/user with the role managers, besides those of the directory")
	f.StringVar(&c.user, "user", "", "explain: `ACCOUNT/USER` who asks")
	f.StringVar(&c.operation, "operation", "", "explain: `WORD`: one of the five operations, view, approve, review or export")
	f.StringVar(&c.creator, "creator", "", "explain: user `NAME` of the ticket's creator, in the asker's account")
	f.StringVar(&c.project, "project", "", "explain: `NAME` of the ticket's project")
	f.StringVar(&c.status, "status", string(coc.TicketProcessing), "explain: `STATE` of the ticket")
	f.StringVar(&c.region, "region", "", "explain: `LIST` of the instances' regions")
	f.IntVar(&c.total, "total", 1, "explain: `NUMBER` of the ticket's instances")
	f.IntVar(&c.stops, "stops", 1, "explain: `NUMBER` of instances that the operation stops")
	f.IntVar(&c.running, "running", 1, "explain: `NUMBER` of these that run")
	f.IntVar(&c.bulk, "bulk", 1, "explain: `NUMBER` of operations that one confirmation sends")
	f.BoolVar(&c.reason, "reason", false, "explain: a reason is given")
	f.BoolVar(&c.counted, "counted", false, "explain: the number that stops is typed")
	f.BoolVar(&c.approved, "approved", false, "explain: a second person has approved")
	f.BoolVar(&c.glass, "glass", false, "explain: the glass is broken")
	f.StringVar(&c.at, "at", "", "explain: `TIME` such as 2026-01-31T23:00:00+08:00; now without it")
	return f
}

// runPolicy is coc-console policy check, and policy explain.
func runPolicy(args []string, getenv func(string) string, stdout io.Writer) error {
	if len(args) == 0 {
		return errors.New("policy check or policy explain; see coc-console help")
	}
	var c policyConfig
	f := policyFlags(&c)
	for _, name := range []string{"policy", "directory", "managers"} {
		_ = f.Set(name, getenv(envName(name))) // texts take any value
	}
	switch err := f.Parse(args[1:]); {
	case errors.Is(err, flag.ErrHelp):
		_, err = io.WriteString(stdout, help())
		return err
	case err != nil:
		return errors.New(strings.ReplaceAll(err.Error(), "flag provided but not defined: -", "there is no setting --"))
	case f.NArg() > 0:
		return fmt.Errorf("policy has no setting %q; see coc-console help", f.Arg(0))
	}
	c.files.Managers = split(c.managers)
	rules, err := policy.Load(c.files)
	if err != nil {
		return err
	}
	switch args[0] {
	case "check":
		_, err = fmt.Fprintln(stdout, "The policies and the directory are well formed.")
		return err
	case "explain":
		return c.explain(rules, stdout)
	}
	return fmt.Errorf("there is no command policy %s; see coc-console help", args[0])
}

// request is the question that the flags put.
func (c policyConfig) request() (policy.Request, error) {
	account, user, ok := strings.Cut(c.user, "/")
	if !ok || account == "" || user == "" {
		return policy.Request{}, &settingError{"user", fmt.Sprintf("%q is not account/user", c.user)}
	}
	about := []policy.Action{policy.Review, policy.Export}
	known := slices.Concat(about, []policy.Action{policy.View, policy.Approve})
	if action := policy.Action(c.operation); !slices.Contains(known, action) && !coc.OperationType(c.operation).Valid() {
		return policy.Request{}, &settingError{"operation", fmt.Sprintf("%q is none of the five operations, view, approve, review and export", c.operation)}
	}
	q := policy.Request{
		Person: policy.Person{UserID: c.user, UserName: user, AccountName: account}, Action: policy.Action(c.operation),
		Circumstances: policy.Circumstances{Reason: c.reason, Counted: c.counted, Approved: c.approved, Glass: c.glass,
			Bulk: c.bulk, At: time.Now()},
	}
	if !slices.Contains(about, q.Action) {
		q.Ticket = &policy.Ticket{Creator: c.creator, Account: account, Project: c.project, Status: c.status,
			Regions: split(c.region), Total: c.total, Stops: c.stops, Running: c.running}
	}
	if c.at != "" {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			return q, &settingError{"at", fmt.Sprintf("%q is not a time such as 2026-01-31T23:00:00+08:00", c.at)}
		}
		q.At = at
	}
	return q, nil
}

func (c policyConfig) explain(rules *policy.Rules, w io.Writer) error {
	q, err := c.request()
	if err != nil {
		return err
	}
	d := rules.Decide(q)
	var b strings.Builder
	fmt.Fprintf(&b, "%s is in the roles %s and the teams %s.\n", c.user, list(rules.RolesOf(q.Person)), list(rules.TeamsOf(q.Person)))
	switch {
	case d.Allowed:
		b.WriteString("Allowed.\n")
	case d.Denied():
		b.WriteString("Denied.\n")
	default:
		b.WriteString("Allowed once this is done:\n")
	}
	for _, x := range d.Demands {
		fmt.Fprintf(&b, "  %s, by %q: %s\n", kinds(x.Any), x.Policy, x.Text.English)
	}
	if d.Glass {
		b.WriteString("Breaking the glass, with a reason, would allow it at once.\n")
	}
	fmt.Fprintf(&b, "Decided by: %s.\n", list(d.Policies))
	if d.Denied() && d.Text.English != "" {
		b.WriteString(d.Text.English + "\n")
	}
	if d.Denied() {
		fmt.Fprintf(&b, "Who may help: %s.\n", list(d.Ask))
	}
	for _, failed := range d.Failed {
		fmt.Fprintf(&b, "Could not be evaluated, and so denies: %s\n", failed)
	}
	_, err = io.WriteString(w, b.String())
	return err
}

func kinds(all []policy.Kind) string {
	texts := make([]string, len(all))
	for i, k := range all {
		texts[i] = string(k)
	}
	return strings.Join(texts, " or ")
}

func list(names []string) string {
	if len(names) == 0 {
		return "(none)"
	}
	return strings.Join(names, ", ")
}
