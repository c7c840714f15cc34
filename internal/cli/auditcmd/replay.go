package auditcmd

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"coc-console/audit/search"
	"coc-console/internal/cli/output"
	"coc-console/internal/policy"
	"coc-console/internal/replay"
	"coc-console/internal/settings"

	"github.com/spf13/cobra"
)

// replayConfig is what a replay can be told besides where the log is.
type replayConfig struct {
	files  policy.Files
	since  time.Duration
	format string
}

// Replay is the command that puts past decisions to other policies.
func (p Program) Replay() *cobra.Command {
	var c auditConfig
	r := replayConfig{since: 30 * 24 * time.Hour}
	s := settings.New("policy")
	c.locate(s)
	s.Options.Var(settings.Days{To: &r.since}, "since", "`DAYS`, such as 30d, that are looked back")
	s.Console.StringVar(&r.files.Policy, "policy", "", "`FILE` of the Cedar policies that are asked; the built-in ones without it")
	s.Console.StringVar(&r.files.Directory, "directory", "", "JSON `FILE` with roles and teams; those at the time of each decision without it")
	s.Console.StringVar(&r.files.Calendar, "policy-calendar", "", "JSON `FILE` with windows of time; those in force at the time of each decision without it")
	settings.ListVar(s.Console, &r.files.Managers, "managers", "`LIST` of account/user with the role managers, besides those of the directory", nil)
	output.FormatOption(s, &r.format)
	return p.auditing(&cobra.Command{
		Use: "replay", Short: "Say which past operations other policies would have let through, asked for, or denied",
		Example: "  coc-console policy replay --data /var/lib/coc-console --since 30d --policy new.cedar",
	}, &c, s, func(ctx context.Context, c auditConfig, stdout, _ io.Writer) error {
		rules, err := policy.Load(r.files)
		if err != nil {
			return settings.Wrong("policy", err.Error())
		}
		now := time.Now()
		return indexed(ctx, c, func(in *search.Index) error {
			result, err := replay.Run(ctx, in, rules, replay.Options{Since: now.Add(-r.since), Until: now,
				Directory: r.files.Directory != "", Calendar: r.files.Calendar != ""})
			if err != nil {
				return err
			}
			return output.Print(stdout, r.format, replayedOf(result), func() string { return replayText(result) })
		})
	})
}

// replayed is what replay prints for programs.
type replayed struct {
	Since     time.Time        `json:"since"`
	Until     time.Time        `json:"until"`
	Decisions int              `json:"decisions"`
	Changed   int              `json:"changed"`
	Unknown   int              `json:"not_replayable"`
	Sent      int              `json:"sent_after_approval"`
	Trials    int              `json:"trials"`
	Then      replay.Counts    `json:"then"`
	Now       replay.Counts    `json:"now"`
	Table     map[string]any   `json:"then_now"`
	Policies  []replayedGroup  `json:"policies"`
	People    []replayedGroup  `json:"people"`
	Teams     []replayedGroup  `json:"teams"`
	Changes   []replayedChange `json:"newest_changes"`
	// of the policies in shadow
	TrialPolicies []replayedGroup  `json:"trial_policies"`
	TrialChanges  []replayedChange `json:"newest_trials"`
}

type replayedGroup struct {
	Name    string        `json:"name"`
	Changed int           `json:"changed"`
	Now     replay.Counts `json:"now"`
}

type replayedChange struct {
	Sequence  int64          `json:"sequence"`
	Time      time.Time      `json:"time"`
	Person    string         `json:"person"`
	Operation string         `json:"operation_type"`
	Ticket    string         `json:"ticket"`
	Then      policy.Verdict `json:"then"`
	Now       policy.Verdict `json:"now"`
	Policies  []string       `json:"policies"`
}

func replayedOf(r replay.Result) replayed {
	out := replayed{Since: r.Since.UTC(), Until: r.Until.UTC(), Decisions: r.Decisions, Changed: r.Changed(), Unknown: r.Now[replay.Unknown],
		Sent: r.Sent, Trials: r.Trials, Then: r.Then, Now: r.Now, Table: map[string]any{}, Policies: groupsOf(r.Rules),
		People: groupsOf(r.People), Teams: groupsOf(r.Teams), Changes: changesOf(r.Changes), TrialPolicies: groupsOf(r.TrialRules),
		TrialChanges: changesOf(r.TrialChanges)}
	for then, counts := range r.Table {
		out.Table[string(then)] = counts
	}
	return out
}

func changesOf(changes []replay.Change) []replayedChange {
	out := make([]replayedChange, len(changes))
	for i, c := range changes {
		out[i] = replayedChange{c.Sequence, c.Time, c.Person, c.Operation, c.Ticket, c.Then, c.Now, c.Policies}
	}
	return out
}

func groupsOf(groups []replay.Group) []replayedGroup {
	out := make([]replayedGroup, len(groups))
	for i, g := range groups {
		out[i] = replayedGroup{g.Name, g.Changed, g.Now}
	}
	return out
}

// verdictWords are the verdicts, for people.
var verdictWords = map[policy.Verdict]string{policy.Allowed: "let through", policy.Confirm: "asked for a reason or number",
	policy.Approved: "asked for approval", policy.Denied: "denied", replay.Unknown: "can't be replayed"}

func replayText(r replay.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s since %s: %d would be different, %d can't be replayed.\n",
		output.Count(r.Decisions, "decision", "decisions"), r.Since.UTC().Format("2006-01-02 15:04 MST"), r.Changed(),
		r.Now[replay.Unknown])
	for _, then := range policy.Verdicts() {
		for _, now := range append(policy.Verdicts(), replay.Unknown) {
			if n := r.Table[then][now]; n > 0 {
				fmt.Fprintf(&b, "%8d  %s then, %s now\n", n, verdictWords[then], verdictWords[now])
			}
		}
	}
	writeGroups(&b, "By policy", r.Rules)
	writeGroups(&b, "By person", r.People)
	writeGroups(&b, "By team", r.Teams)
	writeChanges(&b, "The newest", "%s then, %s now", r.Changes)
	if r.Trials > 0 {
		fmt.Fprintf(&b, "%s would be different if the policies in shadow were enforced.\n",
			output.Count(r.Trials, "decision", "decisions"))
		writeGroups(&b, "By policy in shadow", r.TrialRules)
		writeChanges(&b, "The newest that policies in shadow would change", "%s now, %s if enforced", r.TrialChanges)
	}
	return b.String()
}

func writeGroups(b *strings.Builder, title string, groups []replay.Group) {
	if len(groups) > 0 {
		b.WriteString(title + ":\n")
	}
	for _, g := range groups {
		var parts []string
		for _, v := range policy.Verdicts() {
			if n := g.Now[v]; n > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", n, verdictWords[v]))
			}
		}
		fmt.Fprintf(b, "%8d  %s: %s\n", g.Changed, g.Name, strings.Join(parts, ", "))
	}
}

func writeChanges(b *strings.Builder, title, verdicts string, changes []replay.Change) {
	if len(changes) > 0 {
		b.WriteString(title + ":\n")
	}
	for _, c := range changes[:min(len(changes), 20)] {
		decided := fmt.Sprintf(verdicts, verdictWords[c.Then], verdictWords[c.Now])
		fmt.Fprintf(b, "  %d  %s  %s  %s  %s: %s (%s)\n", c.Sequence, c.Time.UTC().Format(time.RFC3339), c.Person,
			c.Operation, c.Ticket, decided, strings.Join(c.Policies, ", "))
	}
}
