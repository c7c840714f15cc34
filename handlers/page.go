package handlers

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/accept"
	"coc-console/internal/ansi"
	"coc-console/internal/i18n"
	"coc-console/internal/live"
	"coc-console/internal/present"
	"coc-console/templates"
)

// refreshHeader marks a request that a page made by itself, to stay current.
const refreshHeader = "Coc-Console-Refresh"

// IsRefresh reports whether the page asked by itself, not its reader.
func IsRefresh(c echo.Context) bool { return c.Request().Header.Get(refreshHeader) != "" }

// NoteRefresh notes why a page asks by itself.
func (h *Handlers) NoteRefresh(c echo.Context, v Viewer) {
	h.readiness.Streams.Asked(c.Request().Header.Get(refreshHeader), v.SessionName, c.Request().RemoteAddr)
}

// Frame describes what stands around a page.
func (h *base) Frame(c echo.Context, title string, section templates.Section) templates.Frame {
	ctx := c.Request().Context()
	f := templates.Frame{Title: title, Section: section, Simulator: len(h.demo) > 0,
		Theme: string(ThemeFrom(ctx)), Shortcuts: shortcuts(ctx), Here: ReturnAddress(c)}
	f.Notices = h.clockNotices(ctx)
	v, ok := ViewerFrom(ctx)
	if !ok {
		return f
	}
	f.Viewer = &templates.Viewer{User: ansi.VisibleLine(v.Actor.UserName), Account: ansi.VisibleLine(v.Actor.AccountName), Project: ansi.VisibleLine(v.Actor.ProjectName),
		Manager: v.Manager, Company: v.Company, Expires: v.Expires, Elevated: h.elevations.Badges(ctx, v.Actor)}
	f.Person, f.Other = v.Marker, otherPerson(ctx)
	f.Notices = append(f.Notices, h.logNotices(ctx, v.Manager)...)
	f.OverridesToReview = h.overridesWait(ctx, v)
	f.Projects = h.projects.Known(readerOf(v).Person(), v.Actor.ProjectID, h.now())
	f.InProject = v.Caller.ProjectID
	f.NoWrap = section == templates.SectionTickets && h.noWrap(ctx, v)
	approvals := h.approvalsWait(ctx, v)
	f.Numbers = h.board.Note(readerOf(v), h.now(), func(n *templates.Numbers) { n.Approvals = approvals })
	return f
}

// logNotices says what is wrong with the audit log: to everybody what concerns
// their operations, to managers also what may come to that.
func (h *base) logNotices(ctx context.Context, manager bool) []templates.Notice {
	t := i18n.T(ctx).Notice
	grave := map[string]string{audit.WarningFailing: t.LogRefuses, audit.WarningReadOnly: t.LogRefuses,
		audit.WarningFull: t.LogRefuses, audit.WarningPending: t.LogPending, audit.WarningReserve: t.LogReserve, audit.WarningFindings: t.LogChanged}
	early := map[string]string{audit.WarningLowSpace: t.LogLowSpace, audit.WarningSlow: t.LogSlow,
		audit.WarningUnsigned: t.LogUnsigned, audit.WarningUnanchored: t.LogUnanchored, audit.WarningBehind: t.LogBehind,
		audit.WarningJournal:    t.LogJournal,
		audit.WarningUnverified: t.LogUnverified}
	if findings := h.verifier.Status().Findings; manager && len(findings) > 0 {
		first := t.LogFinding(i18n.T(ctx).Word.Finding.Of(findings[0].Kind), ansi.Visible(findings[0].Text))
		grave[audit.WarningFindings] = i18n.Sentences(t.LogChanged, first)
	}
	var notices []templates.Notice
	if h.rules.Broken() != nil {
		notices = append(notices, templates.Notice{Kind: templates.NoticeError, Text: i18n.T(ctx).Policy.Broken})
	}
	if manager && h.rules.Candidate() != nil {
		waiting := i18n.PolicyChange.T(ctx).Waiting
		notices = append(notices, templates.Notice{Kind: templates.NoticeWarning, Text: waiting})
	}
	if h.operations.Unwritten() {
		notices = append(notices, templates.Notice{Kind: templates.NoticeWarning, Text: t.LogRefuses})
	}
	if manager && h.operations.Forged() > 0 {
		notices = append(notices, templates.Notice{Kind: templates.NoticeError, Text: t.DataForged})
	}
	for _, w := range h.log.Health(ctx) {
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
		return fmt.Errorf("render %T: %w", page, err)
	}
	return c.HTMLBlob(statusOf(c.Request().Context(), status), b.Bytes())
}

// bounded shortens what is shown back to whoever sent it.
func bounded(text string) string { return present.Bounded(text) }

// renderGzip renders a page like Render and compresses it, too, part by part:
// the parts end where templates.Cut stands.
func (h *ticketPages) renderGzip(c echo.Context, status int, page templates.Page) error {
	return h.renderAround(c, status, page, nil, nil)
}

// renderAround is renderGzip around a body, if any, that has been rendered before, with the part in it that is the
// reader's own.
func (h *ticketPages) renderAround(c echo.Context, status int, page templates.Page, body *live.Body, own []byte) error {
	b := buffers.Get().(*bytes.Buffer) //nolint:errcheck // the pool has nothing else
	defer buffers.Put(b)
	b.Reset()
	if err := templates.Document(page).Render(c.Request().Context(), b); err != nil {
		return fmt.Errorf("render %T: %w", page, err)
	}
	status = statusOf(c.Request().Context(), status)
	c.Response().Header().Add(echo.HeaderVary, echo.HeaderAcceptEncoding)
	head, tail := b.Bytes(), []byte(nil)
	if body != nil {
		at := bytes.LastIndex(head, []byte(templates.Hole))
		head, tail = head[:at], head[at+len(templates.Hole):]
	}
	if accept.Gzip(c.Request().Header) {
		c.Response().Header().Set(echo.HeaderContentEncoding, "gzip")
		return c.HTMLBlob(status, h.compressor.Gzip(head, body, own, tail, templates.Cut))
	}
	text, err := body.Plain(own)
	if err != nil {
		return err
	}
	return c.HTMLBlob(status, slices.Concat(head, text, tail))
}

var buffers = sync.Pool{New: func() any { return &bytes.Buffer{} }}
