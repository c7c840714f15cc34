package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"coc-console/handlers"
	"coc-console/internal/coc"
	"coc-console/internal/huawei"
	"coc-console/internal/iam"
	"coc-console/internal/notify"
	"coc-console/internal/settings"
	consolestore "coc-console/internal/store"
	"coc-console/web"

	"github.com/spf13/pflag"
)

// noticesConfig says where people are told of what waits for them, and where the console is.
type noticesConfig struct{ file, url string }

func (c *noticesConfig) define(f *pflag.FlagSet) {
	f.StringVar(&c.file, "notices", "", "JSON `FILE` of the targets (webhooks, chats, mail) that hear of what waits or went wrong, and of the routes to them (docs/notices.md); taken up when it changes; empty: nobody is told")
	f.StringVar(&c.url, "url", "", "`URL` of the console as people reach it, such as https://ops.example.com, for the links in messages; empty: they have none")
}

func (c *noticesConfig) check() error {
	if c.url != "" {
		u, err := url.Parse(c.url)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil ||
			strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
			return settings.Wrong("url", "this is not an address such as https://ops.example.com, without a path")
		}
	}
	if c.file == "" {
		return nil
	}
	if _, err := notify.Load(c.file); err != nil {
		return settings.Wrong("notices", err.Error())
	}
	return nil
}

// openOutside opens what reaches others than COC and IAM: the company's provider, and targets of notices.
func openOutside(ctx context.Context, cfg config, pages *handlers.Config, m *web.Metrics, open *closers) (err error) {
	if pages.Company, err = openCompany(cfg, pages.IAM, pages.Rules, pages.Now); err != nil {
		return err
	}
	pages.Notices, err = openNotices(ctx, cfg, *pages, m, open)
	return err
}

// openNotices starts what tells people, where a file says whom.
func openNotices(ctx context.Context, cfg config, on handlers.Config, m *web.Metrics,
	open *closers) (*notify.Notifier, error) {
	if cfg.notices.file == "" {
		return nil, nil //nolint:nilnil // nobody is told
	}
	told := notify.Config{File: cfg.notices.file, URL: strings.TrimSuffix(cfg.notices.url, "/"),
		Rows: consolestore.NewNotices(on.Store, cfg.database != ""), Log: on.Log, Index: on.Index, Rules: on.Rules,
		Logger: on.Logger, Now: on.Now, Sent: m.Notice}
	if service := serviceIdentity(cfg, on.IAM); service != nil {
		look := attention{service: service, client: on.COC, project: cfg.project, profile: cfg.userProfile}
		told.Attention = look.read
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

// attention lists tickets in the name of the console's own user.
type attention struct {
	service          *iam.Service
	client           *coc.Client
	project, profile string
}

// maxAttention is how many tickets are listed, the newest first.
const maxAttention = 100

func (a attention) read(ctx context.Context) (found notify.Attention, err error) {
	var refused []huawei.Token
	for range 2 { // a token may have been revoked since the last look
		id, token, err := a.service.Home(ctx, a.project, func(t huawei.Token) bool {
			return slices.ContainsFunc(refused, t.Equal)
		})
		if err != nil {
			return found, err
		}
		page, err := a.client.ListTickets(ctx, coc.Caller{Token: token, Language: coc.EnUS, ProjectID: id.ProjectID,
			UserProfile: a.profile}, coc.TicketQuery{Limit: maxAttention, Status: coc.TicketAbnormal})
		if e, ok := errors.AsType[*coc.Error](err); ok && e.Status == http.StatusUnauthorized && len(refused) == 0 {
			refused = append(refused, token)
			continue
		}
		if err != nil {
			return found, fmt.Errorf("list tickets that need attention: %w", err)
		}
		found = notify.Attention{Account: id.AccountName, All: page.Total <= int64(len(page.Tickets))}
		for _, t := range page.Tickets {
			if t.Status.Failed() && !t.Over() {
				found.Tickets = append(found.Tickets, notify.AttentionTicket{ID: string(t.ExecuteUUID), Name: t.Name,
					Creator: t.Creator})
			}
		}
		break
	}
	return found, nil
}
