package auditcmd

import (
	"cmp"
	"context"
	"io"
	"time"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/internal/report"
	"coc-console/internal/settings"

	"github.com/spf13/cobra"
)

// reportConfig is what report can be told besides where the log is.
type reportConfig struct {
	from, to, form, language string
	rules                    policy.Files
}

func (p Program) reportCommand() *cobra.Command {
	var c auditConfig
	var r reportConfig
	s := settings.New("audit")
	c.locate(s)
	s.Options.StringVar(&r.from, "from", "", "`DAY` with which the period begins, such as 2026-03-01, in UTC; empty: six days ago")
	s.Options.StringVar(&r.to, "to", "", "`DAY` with which the period ends; empty: today")
	settings.ChoiceVar(s.Options, &r.form, "format", "`FORMAT`: markdown or html", "markdown", "html")
	settings.ChoiceVar(s.Options, &r.language, "language", "`LANGUAGE` of the report: en-us or zh-cn", string(i18n.EnUS), string(i18n.ZhCN))
	s.Options.StringVar(&c.output, "output", "", "`FILE` to write; empty: standard output")
	s.Options.StringVar(&c.keys, "public-key", "", "`LIST` of public keys whose checkpoint is believed; without it the report has none")
	s.Console.StringVar(&r.rules.Directory, "directory", "", "JSON `FILE` with the roles and teams")
	return p.auditing(&cobra.Command{
		Use: "report", Short: "Sum a period up, as Markdown or HTML: what the page /audit/report says",
		Example: "  coc-console audit report --data /var/lib/coc-console --from 2026-03-01 --to 2026-03-31 --format html --output march.html",
	}, &c, s, func(ctx context.Context, c auditConfig, stdout, _ io.Writer) error {
		return r.write(ctx, c, stdout)
	})
}

func (r reportConfig) period(now time.Time) (report.Period, error) {
	period := report.Default(now)
	if r.from == "" && r.to == "" {
		return period, nil
	}
	from, to := period.Days()
	if r.from != "" {
		from = r.from
	}
	if r.to != "" {
		to = r.to
	}
	period, ok := report.ParsePeriod(from, to)
	if !ok {
		return period, settings.Wrong("from", "the period is not two days such as 2026-03-01, the first not after the second")
	}
	return period, nil
}

// write writes the report of all operations.
func (r reportConfig) write(ctx context.Context, c auditConfig, stdout io.Writer) error {
	period, err := r.period(time.Now())
	if err != nil {
		return err
	}
	rules, err := policy.Load(r.rules)
	if err != nil {
		return settings.Wrong("directory", err.Error())
	}
	ctx = i18n.WithLanguage(ctx, i18n.Language(r.language))
	write := func(w io.Writer) error {
		return indexed(ctx, c, func(in *search.Index) error {
			sums, err := report.Read(ctx, in, period, search.Visibility{All: true})
			if err != nil {
				return err
			}
			if sums.Signed.Size > 0 {
				sums.Key = cmp.Or(sums.Key, c.keys)
			}
			tables := sums.Tables(ctx, func(a audit.Actor) []string { return rules.Teams(operate.PersonOf(a)) })
			if r.form == "html" {
				return report.HTML(ctx, w, period.Title(ctx), tables)
			}
			return report.Markdown(ctx, w, period.Title(ctx), tables)
		})
	}
	if c.output != "" {
		return writeWhole(c.output, write)
	}
	return buffered(stdout, write)
}
