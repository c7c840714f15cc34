package notify

import (
	"context"
	"strings"

	"coc-console/audit"
	"coc-console/internal/store"
)

// warnings are the events that come from the health of the log, by the kind of the warning.
var warnings = map[string]Name{audit.WarningFindings: LogDamaged, audit.WarningUnanchored: LogUnanchored,
	audit.WarningLowSpace: DiskLow, audit.WarningReserve: DiskLow, audit.WarningFull: DiskLow}

// planHealth tells of what is wrong with the log when it begins. What is wrong at a start is told again then: nobody
// knows whether it was. There is no record of it, so that it is told at least once, if the console lives.
func (n *Notifier) planHealth(ctx context.Context) error {
	size, err := n.cfg.Log.Size(ctx)
	if err != nil {
		return err
	}
	p := &plan{}
	now := map[string]bool{}
	for _, w := range n.cfg.Log.Health(ctx) {
		name, is := warnings[w.Kind]
		if !is || now[string(name)] {
			continue
		}
		if now[string(name)] = true; n.warned[string(name)] {
			continue
		}
		at := n.cfg.Now()
		e := Event{Name: name, Severity: severities[name], Time: at, Problem: w.Text}
		e.ID = n.id(size, name) + at.UTC().Format("-150405")
		e.Path = pathOf(e)
		if err := n.add(ctx, p, e); err != nil {
			return err
		}
	}
	if len(p.Notices) > 0 {
		log, position, err := n.cfg.Rows.Position(ctx)
		if err != nil {
			return err
		}
		p.NoticePlan = store.NoticePlan{Log: log, From: position, To: position, Notices: p.Notices}
		if err := n.cfg.Rows.Store(ctx, p.NoticePlan); err != nil {
			return err
		}
	}
	n.warned = now
	return nil
}

// oneLine is a text of a server or a person in one line.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
