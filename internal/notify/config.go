package notify

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"coc-console/internal/i18n"
	"coc-console/internal/notify/target"
	"coc-console/internal/places"
	"coc-console/internal/settings"
)

// Target is a place where people are told, as the file has it.
type Target struct {
	Name         string      `json:"name"`
	Kind         target.Kind `json:"kind"`
	URL          string      `json:"url"`
	URLFile      string      `json:"url_file"` // where the url is a secret
	SecretFile   string      `json:"secret_file"`
	CAFile       string      `json:"ca_file"` // certificates in PEM that sign the target's
	Language     string      `json:"language"`
	Zone         string      `json:"zone"`
	AllowPrivate bool        `json:"allow_private"`
	AllowPlain   bool        `json:"allow_plain"`
	User         string      `json:"user"`
	From         string      `json:"from"`
	To           []string    `json:"to"`
	// People are addresses by account/user, in the place of To: each gets what they have chosen. account/* is everybody
	// of an account, with their name in the place of the * of the address.
	People map[string]string `json:"people"`

	language i18n.Language
	zone     *time.Location
}

// Route says which events go to which targets.
type Route struct {
	Events   []string `json:"events"` // names, or a group such as approval.*, or *
	Severity Severity `json:"severity"`
	Teams    []string `json:"teams"`
	Roles    []string `json:"roles"`
	Quiet    *Quiet   `json:"quiet"`
	Targets  []string `json:"targets"`
}

// Quiet are hours in which a route carries only what is urgent.
type Quiet struct {
	From string `json:"from"`
	To   string `json:"to"`
	Zone string `json:"zone"`

	from, to int // minutes of the day
	zone     *time.Location
}

// Routing is what a file says.
type Routing struct {
	Targets []Target `json:"targets"`
	Routes  []Route  `json:"routes"`

	folder string // that the paths of secrets start from
}

// The most that a file may have.
const maxTargets, maxRoutes = 100, 500

// Load reads a file of targets and routes. What is wrong with it is said without secrets.
func Load(path string) (*Routing, error) {
	r, _, err := load(path, unread)
	return r, err
}

func parse(text []byte, folder string) (*Routing, error) {
	r := &Routing{folder: folder}
	where, err := places.Decode(text, r)
	if err != nil {
		return nil, err
	}
	if len(r.Targets) > maxTargets || len(r.Routes) > maxRoutes {
		return nil, fmt.Errorf("more than %d targets or %d routes", maxTargets, maxRoutes)
	}
	var wrong []error
	for i := range r.Targets {
		if err := r.checkTarget(i); err != nil {
			err = fmt.Errorf("target %d %q: %w", i+1, r.Targets[i].Name, err)
			wrong = append(wrong, where.Wrong(err, "targets", strconv.Itoa(i)))
		}
	}
	for i := range r.Routes {
		if err := r.checkRoute(&r.Routes[i]); err != nil {
			err = fmt.Errorf("route %d: %w", i+1, err)
			wrong = append(wrong, where.Wrong(err, "routes", strconv.Itoa(i)))
		}
	}
	return r, places.Sorted(wrong)
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

func (r *Routing) checkTarget(i int) error {
	t := &r.Targets[i]
	if !nameForm.MatchString(t.Name) {
		return errors.New("its name is not letters, digits, dots, dashes and underscores, at most 63")
	}
	if slices.ContainsFunc(r.Targets[:i], func(o Target) bool { return o.Name == t.Name }) {
		return errors.New("another has the same name")
	}
	if (t.URL == "") == (t.URLFile == "") {
		return errors.New("it needs either url or url_file")
	}
	var known bool
	if t.language, known = i18n.Parse(cmp.Or(t.Language, string(i18n.EnUS))); !known {
		return fmt.Errorf("language %q is none of %v", t.Language, i18n.Languages())
	}
	t.zone = time.UTC
	if t.Zone != "" {
		if t.zone, known = i18n.Zone(t.Zone); !known {
			return fmt.Errorf("zone %q is not the name of a time zone such as Asia/Shanghai", t.Zone)
		}
	}
	if err := r.checkPeople(i); err != nil {
		return err
	}
	address, err := r.address(*t)
	if err != nil {
		return err
	}
	err = address.Check()
	if t.People != nil {
		t.To = nil // they were there to be checked: whom a message goes to is known when it is sent
	}
	return err
}

func (r *Routing) checkRoute(route *Route) error {
	if len(route.Events) == 0 || len(route.Targets) == 0 {
		return errors.New("it needs events and targets")
	}
	for _, pattern := range route.Events {
		if !slices.ContainsFunc(Names(), func(n Name) bool { return matches(pattern, n) }) {
			return fmt.Errorf("no event is called %q: there are %v", pattern, Names())
		}
	}
	if _, ok := ranks[route.Severity]; !ok {
		return fmt.Errorf("severity %q is none of info, warning, urgent", route.Severity)
	}
	for _, name := range route.Targets {
		switch t, ok := r.target(name); {
		case !ok:
			return fmt.Errorf("there is no target %q", name)
		case t.People != nil:
			return fmt.Errorf("target %q has people, who choose for themselves: no route leads there", name)
		}
	}
	if route.Quiet == nil {
		return nil
	}
	return route.Quiet.check()
}

func (q *Quiet) check() error {
	for text, minutes := range map[string]*int{q.From: &q.from, q.To: &q.to} {
		at, err := time.Parse("15:04", text)
		if err != nil {
			return fmt.Errorf("quiet: %q is not a time of the day such as 22:00", text)
		}
		*minutes = at.Hour()*60 + at.Minute()
	}
	if q.From == q.To {
		return errors.New("quiet: from and to are the same")
	}
	zone, ok := i18n.Zone(q.Zone)
	if !ok {
		return fmt.Errorf("quiet: zone %q is not the name of a time zone such as Asia/Shanghai", q.Zone)
	}
	q.zone = zone
	return nil
}

// holds reports whether it is quiet at a time.
func (q *Quiet) holds(at time.Time) bool {
	at = at.In(q.zone)
	minute := at.Hour()*60 + at.Minute()
	if q.from < q.to {
		return minute >= q.from && minute < q.to
	}
	return minute >= q.from || minute < q.to
}

// matches reports whether a pattern names an event.
func matches(pattern string, name Name) bool {
	group, ok := strings.CutSuffix(pattern, "*")
	if !ok {
		return pattern == string(name)
	}
	return group == "" || strings.HasSuffix(group, ".") && strings.HasPrefix(string(name), group)
}

// carries reports whether a route carries an event.
func (r Route) carries(e Event, now time.Time) bool {
	among := func(wanted, have []string) bool {
		return len(wanted) == 0 || slices.ContainsFunc(wanted, func(w string) bool { return slices.Contains(have, w) })
	}
	return slices.ContainsFunc(r.Events, func(pattern string) bool { return matches(pattern, e.Name) }) &&
		ranks[e.Severity] >= ranks[r.Severity] && among(r.Teams, e.Teams) && among(r.Roles, e.Roles) &&
		(r.Quiet == nil || e.Severity == Urgent || !r.Quiet.holds(now))
}

// targetsOf are the names of the targets that get an event, each once.
func (r *Routing) targetsOf(e Event, now time.Time) []string {
	var all []string
	for _, route := range r.Routes {
		if route.carries(e, now) {
			all = append(all, route.Targets...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (r *Routing) target(name string) (Target, bool) {
	i := slices.IndexFunc(r.Targets, func(t Target) bool { return t.Name == name })
	if i < 0 {
		return Target{}, false
	}
	return r.Targets[i], true
}

// address is how a target is reached, with the secrets that its files have now.
func (r *Routing) address(t Target) (target.Address, error) {
	a := target.Address{Kind: t.Kind, URL: t.URL, AllowPrivate: t.AllowPrivate, AllowPlain: t.AllowPlain, User: t.User,
		From: t.From, To: t.To}
	if t.People != nil && len(t.To) == 0 {
		a.To = []string{t.From} // a test
	}
	for name, file := range map[string]struct {
		path string
		to   *string
	}{"url_file": {t.URLFile, &a.URL}, "secret_file": {t.SecretFile, &a.Secret}} {
		if file.path == "" {
			continue
		}
		line, err := r.secret(file.path)
		if err != nil {
			return a, fmt.Errorf("%s: %w", name, err)
		}
		*file.to = line
	}
	if t.CAFile == "" {
		return a, nil
	}
	pem, err := os.ReadFile(r.path(t.CAFile))
	if err != nil {
		return a, fmt.Errorf("ca_file: %w", err)
	}
	if a.Roots = x509.NewCertPool(); !a.Roots.AppendCertsFromPEM(pem) {
		return a, fmt.Errorf("ca_file: %s has no certificate", t.CAFile)
	}
	return a, nil
}

// secret reads a file with a secret, which others on this machine can't read.
func (r *Routing) secret(path string) (string, error) {
	text, err := settings.ReadPassword(r.path(path))
	return strings.TrimSpace(text), err
}

// path starts in the folder of the file.
func (r *Routing) path(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(r.folder, path)
}

// digest names a text that is not told itself.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}

// load reads a file unless its text is the one that is known.
func load(path, known string) (r *Routing, text string, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, unread, err
	}
	if text = string(b); text == known {
		return nil, text, nil
	}
	if r, err = parse(b, filepath.Dir(path)); err != nil {
		return nil, text, fmt.Errorf("%s: %w", path, err)
	}
	return r, text, nil
}
