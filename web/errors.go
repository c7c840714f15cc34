package web

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/handlers"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/iam"
	"coc-console/internal/operate"
	"coc-console/internal/present"
	"coc-console/templates"
)

// errorHandler is the one place where an error becomes a status and a page. The cause
// is logged here, once, with the request's id; the page shows the id.
func (s *server) errorHandler(err error, c echo.Context) {
	if c.Response().Committed {
		s.Logger.Error("an answer broke off", "error", err, "request_id", requestID(c))
		return
	}
	if ctx := c.Request().Context(); errors.Is(ctx.Err(), context.DeadlineExceeded) {
		c.SetRequest(c.Request().WithContext(context.WithoutCancel(ctx))) // who waits is told
		err = unavailable(fmt.Errorf("request took longer than %v: %w", requestTimeout, err))
	} else if ctx.Err() != nil {
		s.Logger.Debug("the browser went away", "error", err, "request_id", requestID(c))
		_ = c.NoContent(statusBrowserGone) // for the log alone
		return
	}
	s.recognize(c)
	page := s.problem(err, c)
	s.logFailure(err, c, page.Status)
	err = s.answer(page, c)
	if err != nil && !c.Response().Committed { // without an answer net/http would say 200
		err = errors.Join(err, c.String(http.StatusInternalServerError,
			i18n.T(c.Request().Context()).Problem.Internal.Heading))
	}
	if err != nil {
		s.Logger.Error("an error page could not be sent", "error", err, "request_id", requestID(c))
	}
}

// statusBrowserGone is what nginx, too, writes down where nobody waits for the
// answer any more.
const statusBrowserGone = 499

// recognize finds out whose request failed before its route was reached, so
// that their error page has their language and the way back.
func (s *server) recognize(c echo.Context) {
	ctx := c.Request().Context()
	if _, known := handlers.ViewerFrom(ctx); known {
		return
	}
	// A database that fails shows on the next page; this one tells its own error.
	if v, ok, err := s.identify(c); ok && err == nil {
		c.SetRequest(c.Request().WithContext(s.viewing(c.Request().Context(), v)))
	}
}

func (s *server) logFailure(err error, c echo.Context, status int) {
	log := s.Logger.Warn
	switch {
	case status >= 500:
		log = s.Logger.Error
	case status == http.StatusUnauthorized || status == http.StatusNotFound:
		log = s.Logger.Debug
	}
	log("a request failed", "status", status, "error", err, "path", c.Request().URL.Path, "request_id", requestID(c))
}

func (s *server) answer(page templates.Problem, c echo.Context) error {
	if page.SignIn && page.Status == http.StatusUnauthorized {
		return s.askToSignIn(c)
	}
	page.RequestID = requestID(c)
	if page.Again != nil {
		page.Again = retryForm(c)
	}
	page.Frame = s.Handlers.Frame(c, page.Heading, templates.SectionNone)
	return handlers.Render(c, page.Status, page)
}

// signInAgain reports whether an error ends the session.
func signInAgain(err error) bool {
	var upstream *coc.Error
	var problem *handlers.Problem
	return errors.As(err, &upstream) && upstream.SignInAgain() ||
		errors.As(err, &problem) && problem.Kind == handlers.ProblemSignIn
}

// askToSignIn sends the browser to the sign-in page and from there back to
// this one. A session whose token COC no longer takes is ended.
func (s *server) askToSignIn(c echo.Context) error {
	q := url.Values{"return": {handlers.ReturnAddress(c)}}
	v, ok := handlers.ViewerFrom(c.Request().Context())
	if why := s.Sessions.why(c); why != "" { // each of its tabs hears that
		q.Set("ended", why)
	} else if ok {
		s.Handlers.NoteSessionEnded(c, v)
		if err := s.Sessions.drop(c); err != nil { // the cookie is gone anyway
			s.Logger.Error("an ended session is still stored", "error", err, "request_id", requestID(c))
		}
		q.Set("ended", "1")
	}
	return c.Redirect(http.StatusSeeOther, "/sign-in?"+q.Encode())
}

// problem describes an error to the reader.
func (s *server) problem(err error, c echo.Context) templates.Problem {
	t := i18n.T(c.Request().Context())
	var (
		problem  *handlers.Problem
		upstream *coc.Error
		signIn   *iam.Error
		storage  *audit.StorageError
		target   *operate.TargetError
		echoErr  *echo.HTTPError
	)
	switch {
	case errors.As(err, &problem):
		return requestProblem(c.Request().Context(), problem, &t.Problem)
	case errors.As(err, &upstream):
		return upstreamProblem(upstream, &t.Problem)
	case errors.As(err, &signIn):
		return iamProblem(signIn, &t.Problem)
	case errors.As(err, &storage):
		return storageProblem(storage, &t.Problem)
	case errors.Is(err, audit.ErrBusy), errors.Is(err, audit.ErrClosed):
		return page(http.StatusServiceUnavailable, t.Problem.Unavailable)
	case errors.Is(err, audit.ErrNotFound):
		return page(http.StatusNotFound, t.Problem.NotFound)
	case errors.Is(err, operate.ErrUnwritten):
		return page(http.StatusServiceUnavailable, t.Problem.LogUnwritten)
	case errors.As(err, &target) && target.Field == "batch_index":
		return page(http.StatusNotFound, t.Problem.BatchUnknown)
	case errors.As(err, &target):
		return page(http.StatusNotFound, t.Problem.InstanceUnknown)
	case errors.As(err, &echoErr):
		return echoProblem(echoErr, &t.Problem)
	}
	return page(http.StatusInternalServerError, t.Problem.Internal)
}

// retryForm is the request as a form that sends it once more, with all that was
// typed. Secrets are in none of the forms that come here.
func retryForm(c echo.Context) *templates.Again {
	r := c.Request()
	a := &templates.Again{Method: "get", Address: r.URL.Path}
	values := r.URL.Query()
	if r.Method == http.MethodPost {
		a.Method, a.Address = "post", r.URL.RequestURI()
		if err := r.ParseForm(); err != nil {
			return nil
		}
		values = r.PostForm
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for _, value := range values[name] {
			a.Fields = append(a.Fields, templates.AgainField{Name: name, Value: value})
		}
	}
	return a
}

func page(status int, m i18n.Message) templates.Problem {
	return templates.Problem{Status: status, Heading: m.Heading, Text: m.Text, Advice: m.Advice}
}

func requestProblem(ctx context.Context, p *handlers.Problem, t *i18n.Problems) templates.Problem {
	messages := map[handlers.ProblemKind]i18n.Message{
		handlers.ProblemBadUUID: t.BadUUID, handlers.ProblemNotFound: t.NotFound,
		handlers.ProblemBadInstance: t.BadInstance, handlers.ProblemBadInput: t.BadInput,
		handlers.ProblemDenied: t.Denied, handlers.ProblemTooLarge: t.TooLarge,
		handlers.ProblemCrossSite: t.CrossSite, handlers.ProblemThrottled: t.TooOften,
		handlers.ProblemUnavailable: t.Unavailable, handlers.ProblemInsecure: t.Insecure,
		handlers.ProblemSignIn: t.SignInAgain, handlers.ProblemBadForm: t.BadForm, handlers.ProblemKeySpent: t.KeySpent,
		handlers.ProblemRules: t.Hidden, handlers.ProblemNoExport: t.NoExport,
		handlers.ProblemOtherPerson: t.OtherPerson, handlers.ProblemUnchecked: t.Unchecked, handlers.ProblemLimited: t.Limited,
		handlers.ProblemOtherProject: t.OtherProject, handlers.ProblemUnrenewed: t.Unrenewed,
	}
	m, ok := messages[p.Kind]
	if !ok {
		m = t.Internal
	}
	out := page(p.Status, m)
	if p.Kind == handlers.ProblemOtherPerson || p.Kind == handlers.ProblemOtherProject {
		out.Typed = p.Value
	} else {
		out.Value = p.Value
	}
	out.SignIn = p.Kind == handlers.ProblemSignIn
	if p.Kind == handlers.ProblemLimited {
		out.Text, out.Value = i18n.Sentences(t.LimitedBy.Of(p.Value), out.Text), ""
	}
	switch p.Kind {
	case handlers.ProblemUnchecked, handlers.ProblemUnrenewed, handlers.ProblemLimited:
		out.Again = &templates.Again{} // of the request
	default:
	}
	if p.Decision != nil {
		out.Denial = present.Denial(ctx, *p.Decision)
	}
	return out
}

// iamProblem describes a failed call to IAM.
func iamProblem(e *iam.Error, t *i18n.Problems) templates.Problem {
	out := page(http.StatusBadGateway, t.IAMUnavailable)
	if why := t.UpstreamReason.Of(string(e.Reason)); why != "" {
		out.Advice = why
	}
	return out
}

// upstreamProblem describes a failed call to COC.
func upstreamProblem(e *coc.Error, t *i18n.Problems) templates.Problem {
	status, m := present.UpstreamMessage(e, t)
	out := page(status, m)
	out.Verbatim, out.UpstreamRequestID, out.Encoded = present.Verbatim(e), e.RequestID, present.EncodedDenial(e)
	out.SignIn = e.SignInAgain()
	return out
}

func storageProblem(e *audit.StorageError, t *i18n.Problems) templates.Problem {
	return page(http.StatusServiceUnavailable, present.StorageMessage(e, t))
}

func echoProblem(e *echo.HTTPError, t *i18n.Problems) templates.Problem {
	switch e.Code {
	case http.StatusNotFound:
		return page(e.Code, t.NotFound)
	case http.StatusMethodNotAllowed:
		return page(e.Code, t.Method)
	}
	return page(http.StatusInternalServerError, t.Internal)
}

// unavailable is an error of the console's own database.
func unavailable(err error) error {
	if err == nil {
		return nil
	}
	return &handlers.Problem{Status: http.StatusServiceUnavailable, Kind: handlers.ProblemUnavailable, Err: err}
}

// formProblem tells a body over its limit from one that is no form.
func formProblem(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &handlers.Problem{Status: http.StatusRequestEntityTooLarge, Kind: handlers.ProblemTooLarge, Err: err}
	}
	return &handlers.Problem{Status: http.StatusBadRequest, Kind: handlers.ProblemBadInput, Err: err}
}

// recover turns a panic of a handler into an internal error with its stack.
func (s *server) recover(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if known, ok := cause.(error); ok && errors.Is(known, http.ErrAbortHandler) {
				panic(http.ErrAbortHandler) // net/http's own way of breaking off
			}
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}()
		return next(c)
	}
}
