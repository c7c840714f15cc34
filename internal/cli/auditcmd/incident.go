package auditcmd

import (
	"cmp"
	"context"
	"errors"
	"io"
	"time"

	"coc-console/audit/export"
	"coc-console/audit/search"
	"coc-console/internal/database"
	"coc-console/internal/i18n"
	"coc-console/internal/report"
	"coc-console/internal/settings"
	"coc-console/internal/store"

	"github.com/spf13/cobra"
)

// incidentConfig is what incident can be told besides where the log is.
type incidentConfig struct {
	from, to, tickets, form, language, zone, bundle string
}

func (p Program) incidentCommand() *cobra.Command {
	var c auditConfig
	var r incidentConfig
	s := settings.New("audit")
	c.locate(s)
	s.Options.StringVar(&r.from, "from", "", "`TIME` with which the incident begins, such as 2026-03-01T20:00 or 2026-03-01T12:00:00Z")
	s.Options.StringVar(&r.to, "to", "", "`TIME` with which it ends; empty: now")
	s.Options.StringVar(&r.tickets, "ticket", "", "`LIST` of tickets' SCT ids; empty: all tickets")
	s.Options.StringVar(&r.zone, "zone", "UTC", "time `ZONE` of times without one, and of the report, such as Asia/Shanghai")
	settings.ChoiceVar(s.Options, &r.form, "format", "`FORMAT`: markdown or html", "markdown", "html")
	settings.ChoiceVar(s.Options, &r.language, "language", "`LANGUAGE` of the report: en-us or zh-cn", string(i18n.EnUS), string(i18n.ZhCN))
	s.Options.StringVar(&c.output, "output", "", "`FILE` to write; empty: standard output")
	s.Options.StringVar(&r.bundle, "bundle", "", "`FILE` to write the evidence bundle to: the records of the report with what proves them")
	s.Options.StringVar(&c.keys, "public-key", "", "`LIST` of public keys whose checkpoint is believed; without it the report has none, and there is no bundle")
	return p.auditing(&cobra.Command{
		Use: "incident", Short: "Report on a period and its tickets, as Markdown or HTML, with a bundle of evidence",
		Example: "  coc-console audit incident --data /var/lib/coc-console --from 2026-03-01T20:00 --to 2026-03-02T08:00 --zone Asia/Shanghai \\\n" +
			"    --ticket SCT2026030112000001c2f9a07 --format html --output incident.html --bundle evidence.zip --public-key KEY",
	}, &c, s, func(ctx context.Context, c auditConfig, stdout, _ io.Writer) error {
		return r.write(ctx, c, stdout)
	})
}

// write writes the report, and its bundle.
func (r incidentConfig) write(ctx context.Context, c auditConfig, stdout io.Writer) error {
	zone, err := time.LoadLocation(r.zone)
	if err != nil {
		return settings.Wrong("zone", err.Error())
	}
	period, tickets, ok := report.ParseIncident(r.from, cmp.Or(r.to, time.Now().UTC().Format(time.RFC3339)),
		settings.Split(r.tickets), zone)
	if !ok {
		return settings.Wrong("from",
			"the incident needs two times such as 2026-03-01T20:00, the first before the second, and tickets by their SCT ids")
	}
	ctx = i18n.WithZone(i18n.WithLanguage(ctx, i18n.Language(r.language)), zone)
	return indexed(ctx, c, func(in *search.Index) error {
		incident, err := readIncident(ctx, c, in, period, tickets)
		if err != nil {
			return err
		}
		if incident.Signed.Size > 0 {
			incident.Key = cmp.Or(incident.Key, c.keys)
		}
		write := func(w io.Writer) error {
			title, tables := report.IncidentTitle(ctx, period), incident.Tables(ctx)
			if r.form == "html" {
				return report.HTML(ctx, w, title, tables)
			}
			return report.Markdown(ctx, w, title, tables)
		}
		if c.output != "" {
			err = writeWhole(c.output, write)
		} else {
			err = buffered(stdout, write)
		}
		if err != nil || r.bundle == "" {
			return err
		}
		return writeWhole(r.bundle, func(w io.Writer) error {
			return export.Bundle(ctx, w, in, incident.Evidence(), export.BundleOptions{})
		})
	})
}

// readIncident reads the report, with what was seen at COC where console.db is beside the log.
func readIncident(ctx context.Context, c auditConfig, in *search.Index, p report.Period,
	tickets []string) (incident report.Incident, err error) {
	console, err := database.Inspect(ctx, c.dsn(), database.Console)
	if err != nil { // a copy of the log alone: the report says that it is not known
		return report.ReadIncident(ctx, in, p, tickets, nil)
	}
	defer func() { err = errors.Join(err, console.Close()) }()
	return report.ReadIncident(ctx, in, p, tickets, report.SeenIn(store.DB{Read: console.Read}))
}
