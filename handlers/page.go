package handlers

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/templates"
)

// refreshHeader marks a request that a page made by itself, to stay current.
const refreshHeader = "Coc-Console-Refresh"

// IsRefresh reports whether the page asked by itself, not its reader.
func IsRefresh(c echo.Context) bool { return c.Request().Header.Get(refreshHeader) != "" }

// Frame describes what stands around a page.
func (h *Handlers) Frame(c echo.Context, title string, section templates.Section) templates.Frame {
	ctx := c.Request().Context()
	f := templates.Frame{Title: title, Section: section, Simulator: len(h.Demo) > 0,
		Theme: string(ThemeFrom(ctx)), Shortcuts: shortcuts(ctx), Here: ReturnAddress(c)}
	v, ok := ViewerFrom(ctx)
	if !ok {
		return f
	}
	f.Viewer = &templates.Viewer{User: v.Actor.UserName, Account: v.Actor.AccountName, Project: v.Actor.ProjectName,
		Manager: v.Manager, Expires: v.Expires}
	f.Notices = h.logNotices(ctx, v.Manager)
	f.GlassWaits, f.ApprovalsWait = h.glassWaits(ctx, v), h.approvalsWait(ctx, v)
	return f
}

// logNotices says what is wrong with the audit log: to everybody what concerns
// their operations, to managers also what may come to that.
func (h *Handlers) logNotices(ctx context.Context, manager bool) []templates.Notice {
	t := i18n.T(ctx).Notice
	grave := map[string]string{audit.WarningFailing: t.LogRefuses, audit.WarningReadOnly: t.LogRefuses,
		audit.WarningFull: t.LogRefuses, audit.WarningReserve: t.LogReserve, audit.WarningFindings: t.LogChanged}
	early := map[string]string{audit.WarningLowSpace: t.LogLowSpace, audit.WarningSlow: t.LogSlow,
		audit.WarningUnsigned: t.LogUnsigned, audit.WarningUnanchored: t.LogUnanchored, audit.WarningBehind: t.LogBehind,
		audit.WarningJournal:    t.LogJournal,
		audit.WarningUnverified: t.LogUnverified}
	if findings := h.Log.Verified().Findings; manager && len(findings) > 0 {
		grave[audit.WarningFindings] += " " + t.LogFinding + " " + i18n.T(ctx).Word.Finding.Of(findings[0].Kind) + " (" + visible(findings[0].Text) + ")"
	}
	var notices []templates.Notice
	if h.Rules.Broken() != nil {
		notices = append(notices, templates.Notice{Kind: templates.NoticeError, Text: i18n.T(ctx).Rules.Broken})
	}
	if h.Operations.Unwritten() {
		notices = append(notices, templates.Notice{Kind: templates.NoticeWarning, Text: t.LogRefuses})
	}
	for _, w := range h.Log.Health(ctx) {
		switch {
		case grave[w.Kind] != "":
			notices = append(notices, templates.Notice{Kind: templates.NoticeError, Text: grave[w.Kind]})
		case manager && early[w.Kind] != "":
			notices = append(notices, templates.Notice{Kind: templates.NoticeWarning, Text: early[w.Kind]})
		}
	}
	return notices
}

// Render renders a page into a buffer and then sends it, so that an error
// half way never leaves half a page with status 200.
func Render(c echo.Context, status int, page templates.Page) error {
	var b bytes.Buffer
	if err := templates.Document(page).Render(c.Request().Context(), &b); err != nil {
		return err
	}
	return c.HTMLBlob(status, b.Bytes())
}

// The forms in which a time is written in addresses and by browsers.
const (
	exactTime = "2006-01-02T15:04Z07:00"
	localTime = "2006-01-02T15:04"
)

// parseTime reads a time of an address. One without an offset is of the
// reader's zone; exact is false for it.
func parseTime(text string, zone *time.Location) (t time.Time, exact bool, err error) {
	for _, layout := range []string{exactTime, time.RFC3339} {
		if t, err = time.Parse(layout, text); err == nil {
			return t, true, nil
		}
	}
	for _, layout := range []string{localTime, localTime + ":05", time.DateOnly} {
		if t, err = time.ParseInLocation(layout, text, zone); err == nil {
			return t, false, nil
		}
	}
	return time.Time{}, false, err
}

// span is a range of times as a form gives it.
type span struct {
	from, to time.Time
	// shown is what the form's fields show: the reader's local time, or what
	// they typed where that is no time.
	shownFrom, shownTo string
	// local says that a time had no offset. The address is then rewritten, so
	// that it means the same to everybody it is shared with.
	local bool
}

// parseSpan reads from and to; what is wrong goes into errs.
func parseSpan(c echo.Context, errs templates.FieldErrors) span {
	ctx := c.Request().Context()
	zone, t := i18n.ZoneFrom(ctx), i18n.T(ctx).Field
	var s span
	read := func(name string) (time.Time, string) {
		text := strings.TrimSpace(c.QueryParam(name))
		if text == "" {
			return time.Time{}, ""
		}
		at, exact, err := parseTime(text, zone)
		if err != nil || at.Year() < 2000 || at.Year() > 9998 {
			errs[name] = t.Time
			return time.Time{}, bounded(text)
		}
		s.local = s.local || !exact
		return at, at.In(zone).Format(localTime)
	}
	s.from, s.shownFrom = read("from")
	s.to, s.shownTo = read("to")
	if !s.from.IsZero() && !s.to.IsZero() && s.to.Before(s.from) {
		errs["to"] = t.TimeOrder
	}
	return s
}

// exactAddress is the request's own address with exact times.
func (s span) exactAddress(c echo.Context) string {
	u := *c.Request().URL
	q := u.Query()
	for name, t := range map[string]time.Time{"from": s.from, "to": s.to} {
		if !t.IsZero() {
			q.Set(name, exact(t))
		}
	}
	return address(u.Path, q)
}

// bounded shortens what is shown back to whoever sent it.
func bounded(text string) string {
	if len(text) > maxKept {
		text = text[:maxKept]
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// options lists the values of a select, with the chosen one marked.
func options[T ~string](chosen string, values ...T) []templates.Option {
	all := make([]templates.Option, 0, len(values)+1)
	all = append(all, templates.Option{Selected: chosen == ""})
	for _, v := range values {
		all = append(all, templates.Option{Value: string(v), Selected: string(v) == chosen})
	}
	return all
}

// offered reports whether a select has the value.
func offered(all []templates.Option, value string) bool {
	for _, o := range all {
		if o.Value == value {
			return true
		}
	}
	return false
}

// seenAttributes takes a picture apart for showing.
func seenAttributes(text string) []templates.Attribute {
	p, err := operate.ParsePicture(text)
	if err != nil {
		return nil
	}
	all := []templates.Attribute{
		{Name: string(operate.AspectStatus), Value: string(p.Status)},
		{Name: string(operate.AspectBatch), Value: decimal(p.Batch)},
		{Name: string(operate.AspectReady), Value: decimal(p.Ready)},
		{Name: string(operate.AspectRunning), Value: decimal(p.Running)},
		{Name: string(operate.AspectFailed), Value: decimal(p.Failed)},
		{Name: string(operate.AspectCanceled), Value: decimal(p.Canceled)},
		{Name: string(operate.AspectFinished), Value: decimal(p.Finished)},
	}
	if p.Instance != "" {
		all = append(all, templates.Attribute{Name: string(operate.AspectInstance), Value: string(p.Instance)})
	}
	return all
}
