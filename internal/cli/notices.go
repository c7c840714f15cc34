package cli

import (
	"cmp"
	"context"
	"time"

	"coc-console/handlers"
	"coc-console/internal/notify"
	"coc-console/internal/preflight"
	"coc-console/internal/settings"
	consolestore "coc-console/internal/store"
	"coc-console/web"

	"github.com/spf13/pflag"
)

// noticesConfig says where people are told of what waits for them.
type noticesConfig struct{ file string }

func (c *noticesConfig) define(f *pflag.FlagSet) {
	f.StringVar(&c.file, "notices", "", "JSON `FILE` of the targets (webhooks, chats, mail) that hear of what waits or went wrong, and of the routes to them (docs/notices.md); taken up when it changes; empty: nobody is told")
}

func (c *noticesConfig) check() error {
	if c.file == "" {
		return nil
	}
	if _, err := notify.Load(c.file); err != nil {
		return settings.Wrong("notices", err.Error())
	}
	return nil
}

// openNotices starts what tells people, where a file says whom.
func openNotices(ctx context.Context, cfg config, on handlers.Config, m *web.Metrics,
	open *closers) (*notify.Notifier, error) {
	if cfg.notices.file == "" {
		return nil, nil //nolint:nilnil // nobody is told
	}
	told := notify.Config{File: cfg.notices.file, URL: cfg.outside.String(),
		Rows: consolestore.NewNotices(on.Store, cfg.database != ""), Choices: consolestore.NewSaved(on.Store), Log: on.Log, Index: on.Index, Rules: on.Rules,
		Logger: on.Logger, Now: on.Now, Sent: m.Notice}
	if service := serviceIdentity(cfg, on.IAM); service != nil {
		look := notify.Look{Service: service, Client: on.COC, Project: cfg.project, UserProfile: cfg.userProfile}
		told.Attention = look.Read
	}
	n, err := notify.New(told)
	if err != nil {
		return nil, settings.Wrong("notices", err.Error())
	}
	m.WatchNotices(func(ctx context.Context) (map[string]web.NoticeCounts, error) {
		all, err := n.Counts(ctx)
		counts := make(map[string]web.NoticeCounts, len(all))
		for name, t := range all {
			counts[name] = web.NoticeCounts{Waiting: t.Waiting, Dead: t.Dead, Failing: !t.Failing.IsZero()}
		}
		return counts, err
	})
	open.run(ctx, n.Run)
	maintain(ctx, purgeEvery, n.Purge, on.Logger, open)
	return n, nil
}

// checkNotices tries the targets of notices. That the file is well formed is among the settings.
func (c config) checkNotices(send bool) preflight.Check {
	return func(ctx context.Context) []preflight.Result {
		const check = "notices"
		switch {
		case c.notices.file == "":
			return nil
		case !send:
			return []preflight.Result{preflight.Skip(check, "--send-tests sends a message to each target")}
		}
		sent, err := notify.TestAll(ctx, c.notices.file, time.Now())
		if err != nil {
			return []preflight.Result{preflight.Of(check, "", err, "docs/notices.md says what the file has")}
		}
		all := make([]preflight.Result, 0, len(sent))
		for _, t := range sent {
			all = append(all, preflight.Of(check+" "+t.Target, "it took a test message", t.Err,
				cmp.Or(t.Do, "see its url and secret in --notices; docs/notices.md")))
		}
		return all
	}
}
