// Package policycmd is the commands on policies: they check them, and explain what they decide.
package policycmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"coc-console/internal/cli/output"
	"coc-console/internal/coc"
	"coc-console/internal/policy"
	"coc-console/internal/settings"

	"github.com/spf13/cobra"
)

// Program is what the commands need of the program that they are part of.
type Program struct {
	Stdout io.Writer
	// Group completes a command that has commands.
	Group func(c *cobra.Command, commands ...*cobra.Command) *cobra.Command
	// Command completes a command: its settings, and what it does with them.
	Command func(c *cobra.Command, s *settings.Set, run func(context.Context, []string) error) *cobra.Command
}

// policyConfig is what the commands on policies can be told.
type policyConfig struct {
	files                            policy.Files
	user, operation, at              string
	creator, project, status, region string
	total, stops, running, bulk      int
	reason, counted, approved        bool
	override                         bool
	format                           string
}

// Policy is the command that has the commands on policies; replay is one of them, on the log.
func (p Program) Policy(replay *cobra.Command) *cobra.Command {
	return p.Group(&cobra.Command{Use: "policy", Short: "Check policies, and explain what they decide"},
		p.policyCheckCommand(), p.policyExplainCommand(), replay,
		p.policyTextCommand("defaults", "Print the built-in policies, to begin a file with",
			"  coc-console policy defaults > rules.cedar", policy.Default()),
		p.policyTextCommand("schema", "Print what policies can ask about",
			"  coc-console policy schema > schema.cedarschema", policy.Schema()))
}

func (c *policyConfig) settings() *settings.Set {
	s := settings.New("policy")
	s.Console.StringVar(&c.files.Policy, "policy", "", "`FILE` of Cedar policies; the built-in ones without it")
	s.Console.StringVar(&c.files.Directory, "directory", "", "JSON `FILE` with roles and teams")
	settings.ListVar(s.Console, &c.files.Managers, "managers", "`LIST` of account/user with the role managers, besides those of the directory", nil)
	s.Console.StringVar(&c.files.Calendar, "policy-calendar", "", "JSON `FILE` with windows of time, such as freezes")
	output.FormatOption(s, &c.format)
	return s
}

func (p Program) policyCheckCommand() *cobra.Command {
	var c policyConfig
	return p.Command(&cobra.Command{
		Use: "check", Short: "Check files of policies, of the directory and of the calendar",
		Example: "  coc-console policy check --policy rules.cedar --directory people.json",
	}, c.settings(), func(context.Context, []string) error {
		rules, err := policy.Load(c.files)
		if err != nil && c.format == "json" { // for people the error itself says it
			found := policyCheck{Warnings: []string{}, Error: err.Error()}
			return errors.Join(err, output.Print(p.Stdout, c.format, found, found.text))
		}
		if err != nil {
			return err
		}
		found := policyCheck{OK: true, Warnings: append([]string{}, rules.Warnings()...)}
		return output.Print(p.Stdout, c.format, found, found.text)
	})
}

// policyCheck is what check prints.
type policyCheck struct {
	OK       bool     `json:"ok"`
	Warnings []string `json:"warnings"` // what is probably a mistake
	Error    string   `json:"error,omitempty"`
}

func (c policyCheck) text() string {
	var b strings.Builder
	b.WriteString("The policies and the directory are well formed.\n")
	for _, w := range c.Warnings {
		b.WriteString("warning: " + w + "\n")
	}
	return b.String()
}

// policyTextCommand prints what somebody who writes policies begins with.
func (p Program) policyTextCommand(use, short, example, text string) *cobra.Command {
	return p.Command(&cobra.Command{Use: use, Short: short, Example: example}, settings.New("policy"),
		func(context.Context, []string) error {
			_, err := io.WriteString(p.Stdout, text)
			return err
		})
}

func (p Program) policyExplainCommand() *cobra.Command {
	var c policyConfig
	s := c.settings()
	s.Former["glass"] = "override"
	f := s.Options
	f.StringVar(&c.user, "user", "", "`ACCOUNT/USER` who asks")
	f.StringVar(&c.operation, "operation", "", "`WORD`: one of the five operations, view, approve, review, export, sign-in or sessions")
	f.StringVar(&c.creator, "creator", "", "user `NAME` of the ticket's creator, in the asker's account")
	f.StringVar(&c.project, "project", "", "`NAME` of the ticket's project")
	f.StringVar(&c.status, "status", string(coc.TicketProcessing), "`STATE` of the ticket")
	f.StringVar(&c.region, "region", "", "`LIST` of the instances' regions")
	f.IntVar(&c.total, "total", 1, "`NUMBER` of the ticket's instances")
	f.IntVar(&c.stops, "stops", 1, "`NUMBER` of instances that the operation stops")
	f.IntVar(&c.running, "running", 1, "`NUMBER` of these that run")
	f.IntVar(&c.bulk, "bulk", 1, "`NUMBER` of operations that one confirmation sends")
	f.BoolVar(&c.reason, "reason", false, "a reason is given")
	f.BoolVar(&c.counted, "counted", false, "the number that stops is typed")
	f.BoolVar(&c.approved, "approved", false, "an approver has approved")
	f.BoolVar(&c.override, "override", false, "the emergency override is used")
	f.StringVar(&c.at, "at", "", "`TIME` such as 2026-01-31T23:00:00+08:00; now without it")
	return p.Command(&cobra.Command{
		Use: "explain", Short: "Say what would happen to an operation, and which policy decides",
		Example: "  coc-console policy explain --user acme/pia --operation CANCEL_ORDER --stops 12 --reason",
	}, s, func(context.Context, []string) error {
		rules, err := policy.Load(c.files)
		if err != nil {
			return err
		}
		return c.explain(rules, p.Stdout)
	})
}

// request is the question that the flags put.
func (c policyConfig) request() (policy.Request, error) {
	account, user, ok := strings.Cut(c.user, "/")
	if !ok || account == "" || user == "" {
		return policy.Request{}, settings.Wrong("user", fmt.Sprintf("%q is not account/user", c.user))
	}
	about := []policy.Action{policy.Review, policy.Export, policy.SignIn, policy.Sessions}
	known := slices.Concat(about, []policy.Action{policy.View, policy.Approve})
	if action := policy.Action(c.operation); !slices.Contains(known, action) &&
		!coc.OperationType(c.operation).Valid() {
		return policy.Request{}, settings.Wrong("operation", fmt.Sprintf("%q is none of the five operations, view, approve, review, export, sign-in and sessions", c.operation))
	}
	q := policy.Request{
		Person: policy.Person{UserID: c.user, UserName: user, AccountName: account}, Action: policy.Action(c.operation),
		Circumstances: policy.Circumstances{Reason: c.reason, Counted: c.counted, Approved: c.approved, Override: c.override,
			Bulk: c.bulk, At: time.Now()},
	}
	if !slices.Contains(about, q.Action) {
		q.Ticket = &policy.Ticket{Creator: c.creator, Account: account, Project: c.project, Status: c.status,
			Regions: settings.Split(c.region), Total: c.total, Stops: c.stops, Running: c.running}
	}
	if c.at != "" {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			return q, settings.Wrong("at", fmt.Sprintf("%q is not a time such as 2026-01-31T23:00:00+08:00", c.at))
		}
		q.At = at
	}
	return q, nil
}

// explanation is what explain prints.
type explanation struct {
	User     string   `json:"user"`
	Roles    []string `json:"roles"`
	Teams    []string `json:"teams"`
	Decision string   `json:"decision"` // allowed, denied, or demands: allowed once they are met
	Demands  []demand `json:"demands"`
	Override bool     `json:"override"` // the emergency override would allow it at once
	Policies []string `json:"policies"`
	Calendar []string `json:"calendar,omitempty"` // names of the windows in force
	Reason   string   `json:"reason,omitempty"`
	Ask      []string `json:"ask,omitempty"`    // who may help
	Failed   []string `json:"failed,omitempty"` // policies that could not be evaluated, and so deny
}

type demand struct {
	Any       []policy.Kind `json:"any"`
	Policy    string        `json:"policy"`
	Text      string        `json:"text"`
	Approvers int           `json:"approvers,omitempty"`       // above 1
	Apart     bool          `json:"different_teams,omitempty"` // the approvers'
}

func (c policyConfig) explain(rules *policy.Rules, w io.Writer) error {
	q, err := c.request()
	if err != nil {
		return err
	}
	d := rules.Decide(q)
	x := explanation{User: c.user, Roles: rules.RolesOf(q.Person), Teams: rules.TeamsOf(q.Person), Decision: "demands",
		Demands: []demand{}, Override: d.Override, Policies: append([]string{}, d.Policies...), Failed: d.Failed,
		Calendar: d.Asked.Windows}
	switch {
	case d.Allowed:
		x.Decision = "allowed"
	case d.Denied():
		x.Decision, x.Reason, x.Ask = "denied", d.Text.English, d.Ask
	}
	for _, m := range d.Demands {
		one := demand{Any: m.Any, Policy: m.Policy, Text: m.Text.English, Apart: m.Approvers.Apart}
		if m.Approvers.Number > 1 {
			one.Approvers = m.Approvers.Number
		}
		x.Demands = append(x.Demands, one)
	}
	return output.Print(w, c.format, x, x.text)
}

func (x explanation) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is in the roles %s and the teams %s.\n", x.User, names(x.Roles), names(x.Teams))
	for _, name := range x.Calendar {
		fmt.Fprintf(&b, "The window %q of the calendar is in force.\n", name)
	}
	b.WriteString(map[string]string{"allowed": "Allowed.\n", "denied": "Denied.\n",
		"demands": "Allowed once this is done:\n"}[x.Decision])
	for _, d := range x.Demands {
		fmt.Fprintf(&b, "  %s%s, by %q: %s\n", kinds(d.Any), d.approvers(), d.Policy, d.Text)
	}
	if x.Override {
		b.WriteString("The emergency override, with a reason, would allow it at once.\n")
	}
	fmt.Fprintf(&b, "Decided by: %s.\n", names(x.Policies))
	if x.Reason != "" {
		b.WriteString(x.Reason + "\n")
	}
	if x.Decision == "denied" {
		fmt.Fprintf(&b, "Who may help: %s.\n", names(x.Ask))
	}
	for _, failed := range x.Failed {
		fmt.Fprintf(&b, "Could not be evaluated, and so denies: %s\n", failed)
	}
	return b.String()
}

// approvers says how many have to approve, where that is more than one.
func (d demand) approvers() (text string) {
	if d.Approvers > 1 {
		text = fmt.Sprintf(" by %d people", d.Approvers)
	}
	if d.Apart {
		text += " of different teams"
	}
	return text
}

func kinds(all []policy.Kind) string {
	texts := make([]string, len(all))
	for i, k := range all {
		texts[i] = string(k)
	}
	return strings.Join(texts, " or ")
}

func names(all []string) string {
	if len(all) == 0 {
		return "(none)"
	}
	return strings.Join(all, ", ")
}
