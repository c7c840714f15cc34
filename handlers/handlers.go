// Package handlers answers the console's pages: one file per page. A handler reads a request, asks the log, COC or
// IAM, and renders one templ page. It knows Echo and nothing of sessions, cookies, headers or the mapping from an
// error to a status; that is package web's, which calls these handlers.
//
// A handler returns an error instead of writing an error page. Besides the typed errors of coc, iam, audit and
// operate it returns *Problem for what is wrong with the request itself.
package handlers

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/audit/query"
	"coc-console/audit/search"
	"coc-console/audit/verify"
	"coc-console/internal/approval"
	"coc-console/internal/auditview"
	"coc-console/internal/bulk"
	"coc-console/internal/clock"
	"coc-console/internal/coc"
	"coc-console/internal/company"
	"coc-console/internal/course"
	"coc-console/internal/elevation"
	"coc-console/internal/finder"
	"coc-console/internal/i18n"
	"coc-console/internal/iam"
	"coc-console/internal/listing"
	"coc-console/internal/live"
	"coc-console/internal/notify"
	"coc-console/internal/older"
	"coc-console/internal/opened"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/internal/presence"
	"coc-console/internal/present"
	"coc-console/internal/ratelimit"
	"coc-console/internal/readiness"
	"coc-console/internal/report"
	"coc-console/internal/review"
	"coc-console/internal/store"
	"coc-console/internal/watch"
	"coc-console/templates"
)

// Viewer is the signed-in person behind a request, as IAM named them.
type Viewer struct {
	// SessionKey is the session's row key in the console's database. It is not
	// the cookie's value and gives no access, but stays on the server.
	SessionKey string
	// SessionName is what the log calls the session; it opens none.
	SessionName string
	Actor       audit.Actor
	Caller      coc.Caller // credential, language and project for every call to COC
	Manager     bool       // may read the whole audit log
	Expires     time.Time  // when the session ends
	// Person is the value of the field that binds posted forms to the viewer,
	// Marker what tells persons apart for scripts.
	Person, Marker string
	Company        bool // signed in with the company's account
}

// Theme is the colour scheme a reader chose; the zero value follows the browser.
type Theme string

// The themes a reader can choose.
const (
	ThemeAuto  Theme = ""
	ThemeLight Theme = "light"
	ThemeDark  Theme = "dark"
)

// NewSession is what a successful sign-in hands to the session store.
type NewSession struct {
	company.Entry

	Language  i18n.Language
	Continues bool // the browser's session: it keeps what that kept
}

// Sessions is what the handlers need of the session store (package web).
type Sessions interface {
	// Begin replaces whatever session the browser has by a new one, under a new id, and sets its cookie.
	Begin(c echo.Context, s NewSession) (Viewer, error)
	// End deletes the browser's session and its cookie, and returns what it kept of a sign-in by a provider. It is no
	// error when there is none.
	End(c echo.Context) (company.Renewal, error)
	// SetLanguage and SetTheme remember a preference: in a cookie, and in the session where there is one.
	SetLanguage(c echo.Context, l i18n.Language) error
	SetTheme(c echo.Context, t Theme) error
	// List returns the live sessions, at most MaxSessions of them, those that
	// were used last first, and whether there are more.
	List(ctx context.Context) (list []SessionInfo, more bool, err error)
	// EndSessions ends those that pick chooses, and returns which. Each has a record: r, with whose it was.
	EndSessions(ctx context.Context, pick func(SessionInfo) bool, r audit.Record) ([]SessionInfo, error)
	// Caller returns the caller of a live session by its row's key.
	Caller(ctx context.Context, key string) (coc.Caller, error)
	// SetShortcuts remembers whether single keys do something.
	SetShortcuts(c echo.Context, on bool) error
	// NewKey makes a one-time key for a form of that person, and OwnsKey tells whether it has.
	NewKey(who audit.Actor) string
	OwnsKey(who audit.Actor, key string) bool
}

// DemoAccount is one account of the embedded simulator.
type DemoAccount = templates.DemoAccount

// Config is what the handlers stand on. All fields but Demo, Accounts, DefaultProject and Limits are required.
type Config struct {
	Log            *audit.Log
	Index          *search.Index
	Verifier       *verify.Background
	COC            *coc.Client
	Watch          *watch.Watcher
	IAM            *iam.Client
	Company        company.Providers // none: people sign in at IAM alone
	Operations     *operate.Service
	Approvals      *approval.Service
	Bulk           *bulk.Service
	Elevations     *elevation.Service
	Rules          *policy.Store
	Sessions       Sessions
	Store          store.DB
	Presence       *presence.Registry
	Notices        *notify.Notifier // nil: nobody is told
	Logger         *slog.Logger
	Now            func() time.Time
	Clocks         *clock.Monitor // what other clocks say; nil: nobody compares them
	DefaultProject string         // offered at sign-in
	// People limits what each person uses; nil: nothing is limited.
	People *ratelimit.People
	// Accounts are those whose people may sign in; none: all that IAM knows.
	Accounts []string
	// Databases give their sizes, in bytes, by their name; nil: they are not known.
	Databases map[string]func(context.Context) (int64, error)
	Night     query.Night // the hours that "last night" means; zero: the default
	// Data is the folder of the console's files; SharedLog says that the log is in PostgreSQL instead.
	Data        string
	SharedLog   bool
	Certificate func() (end time.Time, soon bool) // that the console serves; nil: none
	// Retention is the time after which the contents of records are removed; 0: never.
	Retention time.Duration
	// Demo are the accounts of the embedded simulator. When there are any, a
	// banner says that nothing real is touched.
	Demo []DemoAccount
	// Development serves the page of all components.
	Development bool
	// Limits are those of the event streams; zero fields take the defaults.
	Limits live.Limits
}

// Handlers holds one method per route; web's route list names them.
type Handlers struct {
	*base
	ticketPages
	signInPages
	readiness   readiness.Console
	watch       *watch.Watcher
	development bool
	notices     *notify.Notifier
}

// base is what every page stands on: who may see it, what is written about it, and what is around it.
type base struct {
	log        *audit.Log
	index      *search.Index
	verifier   *verify.Background
	coc        *coc.Client
	operations *operate.Service
	approvals  *approval.Service
	bulk       *bulk.Service
	elevations *elevation.Service
	rules      *policy.Store
	sessions   Sessions
	presence   *presence.Registry
	logger     *slog.Logger
	now        func() time.Time
	clocks     *clock.Monitor
	people     *ratelimit.People
	demo       []DemoAccount
	logState   auditview.Standing
	night      query.Night

	views   *opened.Pages // what refreshing pages have shown before
	saved   *store.Saved
	seen    report.Seen // what consoles saw of tickets
	streams *live.Streams
	review  *review.Queue
	denials ratelimit.RefusalRecords
	counts  live.Counts
	board   listing.Board
	own     live.Cache[templates.Parts] // pages of one reader that are followed

	projects listing.Projects
}

// ticketPages are the pages of tickets, which stay current by themselves.
type ticketPages struct {
	*base
	watch   *watch.Watcher
	finder  *finder.Finder
	older   *older.Reader
	visits  *store.Visits
	classes live.Classes
	// subjects are what the rules are asked about, one for each reading.
	subjects   live.Derived[watch.Snapshot, present.Subject]
	tickets    live.Cache[templates.Ticket]
	lists      live.Cache[templates.Tickets]
	numbers    live.Cache[templates.Numbers]
	compressor live.Compressor
	histories  *live.Recents[course.Deed] // nil where consoles share the log
	bells      *live.Bells                // rung for a ticket when something is recorded about it
}

// signInPages are the ways into the console and out of it.
type signInPages struct {
	*base
	iam            *iam.Client
	company        company.Providers
	accounts       []string
	defaultProject string
	ids            iam.UserIDs
	limits         *ratelimit.SignIns
	throttled      ratelimit.Refusals
}

// New returns the handlers over cfg.
func New(cfg Config) *Handlers {
	b := &base{log: cfg.Log, index: cfg.Index, verifier: cfg.Verifier, coc: cfg.COC, operations: cfg.Operations, approvals: cfg.Approvals, bulk: cfg.Bulk,
		elevations: cfg.Elevations, rules: cfg.Rules, sessions: cfg.Sessions, presence: cfg.Presence, logger: cfg.Logger,
		now: cfg.Now, clocks: cfg.Clocks, people: cfg.People, demo: cfg.Demo, night: cfg.Night,
		review:   review.New(review.Config{Log: cfg.Log, Index: cfg.Index, Rules: cfg.Rules, Now: cfg.Now}),
		logState: auditview.Standing{Log: cfg.Log, Index: cfg.Index, Keep: cfg.Retention, Verifier: cfg.Verifier, Clocks: cfg.Clocks, Databases: cfg.Databases, Data: cfg.Data, Shared: cfg.SharedLog},
		views:    opened.New(), saved: store.NewSaved(cfg.Store), seen: report.SeenIn(cfg.Store), streams: live.NewStreams(cfg.Limits)}
	bells := &live.Bells{}
	ready := readiness.Console{Streams: &readiness.Streams{Logger: cfg.Logger, Now: cfg.Now}, Certificate: cfg.Certificate, Log: cfg.Log, Operations: cfg.Operations, IAM: cfg.IAM, COC: cfg.COC, Clocks: cfg.Clocks, Logger: cfg.Logger,
		Now: cfg.Now}
	find := finder.New(cfg.COC, cfg.Logger, cfg.Now)
	cfg.Watch.OnRead(find.Read)
	deeper := older.New(cfg.COC, cfg.Logger, cfg.Now, func() { bells.Ring(anyTicket) })
	return &Handlers{base: b, readiness: ready, watch: cfg.Watch, development: cfg.Development, notices: cfg.Notices,
		ticketPages: ticketPages{base: b, watch: cfg.Watch, finder: find, older: deeper, visits: store.NewVisits(cfg.Store, cfg.Logger),
			histories: newHistories(cfg.Log, bells), bells: bells},
		signInPages: signInPages{base: b, iam: cfg.IAM, company: cfg.Company, accounts: cfg.Accounts, defaultProject: cfg.DefaultProject,
			limits: ratelimit.NewSignIns()}}
}

// Close writes what was counted and is not in the log yet, and ends what is read in the background.
func (h *Handlers) Close() {
	h.finder.Close()
	h.older.Close()
	h.throttled.Close(h.now())
}

type contextKey int

const (
	viewerKey contextKey = iota
	originKey
	themeKey
	shortcutsKey
	openerKey
	recordedKey // that the session is over has its record
	secureKey
)

// WithViewer returns a context that carries the signed-in person, for whom the forms of pages are rendered.
func WithViewer(ctx context.Context, v Viewer) context.Context {
	return context.WithValue(templates.WithPerson(ctx, v.Person), viewerKey, v)
}

// ViewerFrom returns the signed-in person, and whether there is one.
func ViewerFrom(ctx context.Context) (Viewer, bool) {
	v, ok := ctx.Value(viewerKey).(Viewer)
	return v, ok
}

// WithOrigin returns a context that carries where a request came from.
func WithOrigin(ctx context.Context, o audit.Origin) context.Context {
	return context.WithValue(ctx, originKey, o)
}

// OriginFrom returns where the request came from; the zero value outside one.
func OriginFrom(ctx context.Context) audit.Origin {
	o, _ := ctx.Value(originKey).(audit.Origin)
	return o
}

// WithTheme returns a context that carries the reader's theme.
func WithTheme(ctx context.Context, t Theme) context.Context {
	return context.WithValue(ctx, themeKey, t)
}

// WithoutShortcuts returns a context of a reader who wants no keys to act.
func WithoutShortcuts(ctx context.Context) context.Context {
	return context.WithValue(ctx, shortcutsKey, false)
}

// shortcuts reports whether single keys act, as they do unless switched off.
func shortcuts(ctx context.Context) bool {
	on, chosen := ctx.Value(shortcutsKey).(bool)
	return on || !chosen
}

// WithSecure returns a context that says whether the browser reached us over TLS.
func WithSecure(ctx context.Context, secure bool) context.Context {
	return context.WithValue(ctx, secureKey, secure)
}

// IsSecure reports whether the browser reached us over TLS.
func IsSecure(ctx context.Context) bool {
	secure, _ := ctx.Value(secureKey).(bool)
	return secure
}

// ThemeFrom returns the reader's theme.
func ThemeFrom(ctx context.Context) Theme {
	t, _ := ctx.Value(themeKey).(Theme)
	return t
}

// ProblemKind names what is wrong with a request; web turns it into a page in the reader's language.
type ProblemKind int

// What can be wrong with a request before anything is asked of COC.
const (
	ProblemBadUUID      ProblemKind = iota + 1 // not an execute_uuid; Value holds what came
	ProblemNotFound                            // no page, record or operation here
	ProblemBadInstance                         // not an instance id; Value holds what came
	ProblemBadInput                            // a query or form value that no page offers
	ProblemDenied                              // signed in, but not allowed
	ProblemTooLarge                            // a body above its limit
	ProblemCrossSite                           // a form sent from another site
	ProblemThrottled                           // too many attempts from one address
	ProblemUnavailable                         // the console itself cannot answer now
	ProblemInsecure                            // a secret would travel over plain http
	ProblemSignIn                              // nobody is signed in
	ProblemBadForm                             // a form without its key or its picture
	ProblemKeySpent                            // a form's key that led to nothing
	ProblemRules                               // the rules hide the ticket: Decision says why
	ProblemLimited                             // a limit of one person; Value is its kind
	ProblemUnchecked                           // IAM cannot be asked whether the session is still good
	ProblemNoExport                            // the rules let nothing be carried away: Decision says why
	ProblemOtherProject                        // a form of a project in which the session no longer is; Value as below
	ProblemUnrenewed                           // the session's credential is over, and can't be renewed for now
	ProblemOtherPerson                         // a page that was rendered for somebody else; Value holds what was typed
)

// Problem is a request that cannot be answered. Status is the HTTP status, Value what the reader sent (shown back to
// them, escaped), Err the private cause, logged and never shown.
type Problem struct {
	Status   int
	Kind     ProblemKind
	Value    string
	Decision *policy.Decision // of the rules; ProblemRules alone has one
	Err      error
}

func (p *Problem) Error() string {
	if p.Err != nil {
		return p.Err.Error()
	}
	return "problem with the request: " + cmp.Or(p.Value, http.StatusText(p.Status))
}

// Unwrap returns the private cause.
func (p *Problem) Unwrap() error { return p.Err }

// UnreadableInput is the Problem of a value that is no text.
func UnreadableInput(value string) *Problem {
	return &Problem{Status: http.StatusUnprocessableEntity, Kind: ProblemBadInput, Value: shortened(value)}
}
