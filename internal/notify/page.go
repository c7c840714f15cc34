package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"coc-console/audit"
	"coc-console/internal/ansi"
	"coc-console/internal/i18n"
	"coc-console/internal/notify/target"
	"coc-console/templates"
)

// Answer does what is asked for with a form, if the request is a POST and status that of success, and completes the
// page: everybody chooses for themselves, managers do the rest. The result is the status of its answer: where there is
// an address, the page is to be read again there. A nil Notifier tells nobody.
func (n *Notifier) Answer(r *http.Request, who audit.Actor, page *templates.Notices,
	status int) (code int, to string, err error) {
	if page.Off = n == nil || n.cfg.File == ""; page.Off {
		return status, "", nil
	}
	words := i18n.Told.T(r.Context())
	say := func(kind templates.NoticeKind, text string) {
		page.Notices = append(page.Notices, templates.Notice{Kind: kind, Text: text})
	}
	if status == http.StatusOK && r.Method == http.MethodPost {
		to, acted, err := n.act(r, who, page, func(text string) { say(templates.NoticeError, text) })
		if status = acted; err != nil || to != "" {
			return status, to, err
		}
	}
	switch q := r.URL.Query(); {
	case status != http.StatusOK:
	case q.Has("tested"):
		name := baseOf(q.Get("tested"))
		if _, known := n.routing.Load().target(name); known {
			say(templates.NoticeSuccess, words.Tested(name))
		}
	case q.Has("saved"):
		say(templates.NoticeSuccess, i18n.OwnNotices.T(r.Context()).Saved)
	case q.Has("queued"):
		say(templates.NoticeSuccess, words.Queued)
	}
	if err := n.own(r, who, page); err != nil || !page.Manager {
		return status, "", err
	}
	return status, "", n.fill(r.Context(), page)
}

// act does what the form says.
func (n *Notifier) act(r *http.Request, who audit.Actor, page *templates.Notices,
	problem func(string)) (to string, status int, err error) {
	words, name := i18n.Told.T(r.Context()), r.PostFormValue("test")
	switch t, _ := n.routing.Load().personal(); {
	case r.PostFormValue("own") == "test":
		name = t.Name + "/" + person(who)
	case r.PostFormValue("own") != "":
		err := n.chooseOwn(r, who, page)
		if errors.Is(err, errChoice) {
			return "", http.StatusUnprocessableEntity, nil
		}
		return "/notices?saved=1", http.StatusSeeOther, err
	case !page.Manager:
		problem(words.NoTarget)
		return "", http.StatusForbidden, nil
	}
	if name != "" {
		return n.test(r.Context(), name, who, problem)
	}
	return n.again(r, problem)
}

// test sends a test.
func (n *Notifier) test(ctx context.Context, name string, who audit.Actor,
	problem func(string)) (to string, status int, err error) {
	words := i18n.Told.T(ctx)
	err = n.SendTest(ctx, name, person(who))
	failed, ok := errors.AsType[*target.Error](err)
	switch {
	case err == nil:
		return "/notices?tested=" + url.QueryEscape(name), http.StatusSeeOther, nil
	case errors.Is(err, ErrNoTarget):
		problem(words.NoTarget)
		return "", http.StatusNotFound, nil
	case ok:
		problem(words.NotTested(name, ansi.Visible(failed.Text)))
		return "", http.StatusBadGateway, nil
	}
	return "", 0, fmt.Errorf("send a test to %s: %w", name, err)
}

// again has a dead letter sent again.
func (n *Notifier) again(r *http.Request, problem func(string)) (to string, status int, err error) {
	ctx, words := r.Context(), i18n.Told.T(r.Context())
	number, err := strconv.ParseInt(r.PostFormValue("again"), 10, 64)
	if err == nil {
		err = n.SendAgain(ctx, number)
	} else {
		err = ErrNoLetter
	}
	switch {
	case err == nil:
		return "/notices?queued=1", http.StatusSeeOther, nil
	case errors.Is(err, ErrNoLetter):
		problem(words.NoLetter)
		return "", http.StatusNotFound, nil
	}
	return "", 0, err
}

// fill adds what there is to see.
func (n *Notifier) fill(ctx context.Context, page *templates.Notices) error {
	s, err := n.Status(ctx)
	if err != nil {
		return err
	}
	if s.Broken != nil {
		page.Broken = ansi.Visible(s.Broken.Error())
	}
	for _, t := range s.Targets {
		page.Targets = append(page.Targets, templates.NoticeTarget{Name: t.Name, Kind: t.Kind, Host: ansi.Visible(t.Host),
			Problem: ansi.Visible(t.Problem), Sent: t.Sent, Failing: t.Failing, Next: t.Next, Failures: t.Failures,
			Waiting: t.Waiting, Gone: t.NoticeTarget.Gone != ""})
	}
	words, bulk := i18n.Told.T(ctx), &i18n.T(ctx).Bulk
	for _, d := range s.Dead {
		page.Dead = append(page.Dead, templates.DeadLetter{Number: strconv.FormatInt(d.Number, 10), Target: d.Target,
			Event: words.Event.Of(string(d.Event.Name)), Subject: ansi.Visible(cmp.Or(d.Event.TicketName,
				bulk.Target(d.Event.Operation, d.Event.Target))),
			Problem: ansi.Visible(d.Problem), Attempts: d.Attempts, At: d.At})
	}
	return nil
}
