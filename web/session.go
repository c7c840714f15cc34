package web

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/sessions"
	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/handlers"
	"coc-console/internal/coc"
	"coc-console/internal/company"
	"coc-console/internal/huawei"
	"coc-console/internal/i18n"
	"coc-console/internal/iam"
	"coc-console/internal/outside"
	"coc-console/internal/renewal"
	"coc-console/internal/signin"
	"coc-console/internal/store"
)

// KeySize is the length of the session key, in bytes.
const KeySize = 32

// touchEvery is how exactly the last use of a session is kept.
const touchEvery = time.Minute

// maxLive bounds the sessions that are looked through for a live token.
const maxLive = 10_000

var errNoSession = coc.ErrNoCaller

// SessionConfig is what the sessions stand on. All fields above Introspect are
// required.
type SessionConfig struct {
	Write, Read *sql.DB // the console's database: table session
	OnSQLite    bool    // that is SQLite
	Key         []byte  // KeySize bytes
	Idle        time.Duration
	Manager     func(audit.Actor) bool // may somebody read the whole log, by the rules in force
	UserProfile string                 // sent to COC as x-user-profile; as a rule empty
	Logger      *slog.Logger
	Now         func() time.Time

	// Introspect asks IAM whether a credential is still good, and whose it is; nil: credentials are believed until COC
	// refuses them. Its errors are *iam.Error.
	Introspect func(ctx context.Context, credential huawei.Credential, known iam.Identity) (iam.Identity, error)
	// Renew gets a new credential in a project; nil: none can be renewed. It is not called twice at the same time for
	// one session, by whichever console. See company.Providers.Renew.
	Renew func(ctx context.Context, r company.Renewal, project string) (company.Entry, error)
	// Revoke has the provider end what a session could be renewed with; nil: nobody does. It ends in time by itself. See
	// company.Providers.Revoke.
	Revoke func(ctx context.Context, r company.Renewal) error
	// Admits says whether somebody may still use the console; nil: everybody may.
	Admits func(audit.Actor) bool
	// Record writes to the audit log that a session ended; nil: nobody listens.
	Record func(context.Context, audit.Record) error
	// Limited hears of what a limit stopped; nil: nobody listens.
	Limited func(limit string)
	// Outside is where people reach the console.
	Outside outside.Address
	// PerPerson is how many sessions one person can have; 0: 10.
	PerPerson int
}

// Sessions keeps the signed-in people. A token of several kilobytes fits no
// cookie, so the cookie holds a random id of 256 bits, and the database holds
// the session under the id's SHA-256, sealed with AES-256-GCM: neither the
// cookie jar nor the database file alone gives a token away.
//
// It is a gorilla/sessions Store, and finds live tokens for package operate.
type Sessions struct {
	SessionConfig
	seal      cipher.AEAD
	hashKey   []byte
	personKey []byte
	macKey    []byte // authenticates rows
	console   string // tells this console's cookies from those of others on its host
	rows      *store.Sessions
	unsealed  unsealed
	checks    checks
	turns     *renewal.Turns
	revoking  revocations
	onEnd     atomic.Pointer[func(row string)] // ends the streams of a session here

	mu      sync.Mutex
	touched map[string]time.Time // rows by when this console noted their last use
}

// NewSessions returns sessions over cfg.
func NewSessions(cfg SessionConfig) (*Sessions, error) {
	if len(cfg.Key) != KeySize {
		return nil, fmt.Errorf("the session key has %d bytes, not %d", len(cfg.Key), KeySize)
	}
	sealKey, err := hkdf.Key(sha256.New, cfg.Key, nil, "coc-console session seal", KeySize)
	if err != nil {
		return nil, err
	}
	hashKey, err := hkdf.Key(sha256.New, cfg.Key, nil, "coc-console session name", KeySize)
	if err != nil {
		return nil, err
	}
	macKey, err := hkdf.Key(sha256.New, cfg.Key, nil, "coc-console session row", KeySize)
	if err != nil {
		return nil, err
	}
	personKey, err := hkdf.Key(sha256.New, cfg.Key, nil, "coc-console form person", KeySize)
	if err != nil {
		return nil, err
	}
	console, err := hkdf.Key(sha256.New, cfg.Key, nil, "coc-console cookie name", 5)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(sealKey)
	if err != nil {
		return nil, err
	}
	seal, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	if cfg.PerPerson <= 0 {
		cfg.PerPerson = defaultPerPerson
	}
	rows := store.NewSessions(store.DB{Write: cfg.Write, Read: cfg.Read, AtOnce: !cfg.OnSQLite})
	return &Sessions{SessionConfig: cfg, rows: rows, seal: seal, hashKey: hashKey, personKey: personKey, macKey: macKey,
		console: hex.EncodeToString(console), checks: newChecks(), turns: renewal.New(rows, cfg.Now)}, nil
}

// content is what a session holds. The credential is plain text here because the sealed row is the one place where it
// must be written out.
type content struct {
	huawei.Stored

	Actor    audit.Actor   `json:"actor"`
	Language i18n.Language `json:"language"`
	Expires  time.Time     `json:"expires"` // of the session
	Begun    time.Time     `json:"begun"`
	Address  string        `json:"address,omitempty"` // where the sign-in came from
	Browser  string        `json:"browser,omitempty"`
	Company  bool          `json:"company,omitempty"` // signed in with the company's account

	Kept *company.Kept `json:"renewal,omitempty"`
	Made time.Time     `json:"made,omitzero"`  // when the credential was
	Ends time.Time     `json:"ends,omitzero"`  // when it does
	Over string        `json:"over,omitempty"` // why it is over, until its browser has heard that; empty: it is not
}

// contentKey and rowValue are the values of a gorilla session: what it holds,
// and the row that it was loaded from.
type (
	contentKey struct{}
	rowValue   struct{}
)

// CookieName is the name of the session's cookie. Browsers keep cookies by host
// and not by port: the name has a digest of the session key, so that two consoles
// on one host do not end each other's sessions, while consoles that share their
// sessions share the cookie. It has the __Host- prefix where TLS is used: browsers
// then take the cookie only with Secure, for the whole host and no other; below a
// path it has __Secure-. Plain http is for loopback, where Safari refuses both.
func (s *Sessions) CookieName(secure bool) string { return s.cookieName(s.Outside, secure) }

func (s *Sessions) cookieName(at outside.Address, secure bool) string {
	return at.CookiePrefix(secure) + "coc-console-" + s.console
}

// cookieOf is the session's cookie in a request. Those of a console that was at the root of its host are still read
// below a path, and for one release those of the release before, which had no digest.
func (s *Sessions) cookieOf(r *http.Request, name string) (*http.Cookie, error) {
	cookie, err := r.Cookie(name)
	if secure := name != outside.WithoutPrefix(name); err != nil && secure {
		cookie, err = r.Cookie(s.cookieName(outside.Address{}, secure))
	}
	if err != nil {
		cookie, err = r.Cookie(strings.TrimSuffix(name, "-"+s.console))
	}
	return cookie, err //nolint:wrapcheck // there is none
}

// Get returns the request's session, from gorilla's registry when it was
// loaded before.
func (s *Sessions) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(s, name) //nolint:wrapcheck // New's
}

// New loads the session that the request's cookie names, or returns a new one.
// A cookie that is garbage, of another key or of a deleted session gives a new
// session and no error; only a database that fails does.
func (s *Sessions) New(r *http.Request, name string) (*sessions.Session, error) {
	session := sessions.NewSession(s, name)
	session.IsNew = true
	cookie, err := s.cookieOf(r, name)
	if err != nil || !validID(cookie.Value) {
		return session, nil //nolint:nilerr // no cookie is no error: nobody is signed in
	}
	row, held, err := s.find(r.Context(), rowKey(cookie.Value))
	if _, over := errors.AsType[*overError](err); over {
		session.ID = cookie.Value // its browser is told why
	}
	if errors.Is(err, errNoSession) {
		return session, nil
	}
	if err != nil {
		return session, err
	}
	session.ID, session.IsNew = cookie.Value, false
	session.Values[contentKey{}], session.Values[rowValue{}] = held, row
	return session, nil
}

// Save writes the session and its cookie. A negative MaxAge deletes both.
func (s *Sessions) Save(r *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	if session.Options.MaxAge < 0 {
		http.SetCookie(w, s.cookie(session, ""))
		if session.ID == "" {
			return nil
		}
		return s.remove(r.Context(), session.ID)
	}
	held, ok := session.Values[contentKey{}].(content)
	if !ok {
		return errors.New("a session without content is not saved")
	}
	if session.ID == "" {
		id := make([]byte, 32)
		_, _ = rand.Read(id) // never fails
		session.ID = base64.RawURLEncoding.EncodeToString(id)
	}
	if err := s.store(r.Context(), rowKey(session.ID), held); err != nil {
		return err
	}
	http.SetCookie(w, s.cookie(session, session.ID))
	return nil
}

func (s *Sessions) cookie(session *sessions.Session, value string) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // on plain http, for loopback alone, browsers would not send a Secure one
		Name: session.Name(), Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: session.Options.Secure, MaxAge: session.Options.MaxAge,
	}
}

func validID(value string) bool {
	b, err := base64.RawURLEncoding.DecodeString(value)
	return err == nil && len(b) == 32
}

// rowKey is the row's key: whoever reads the database cannot make a cookie.
func rowKey(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])
}

// name tells sessions apart in the log, and opens none.
func (s *Sessions) name(row string) string {
	mac := hmac.New(sha256.New, s.hashKey)
	mac.Write([]byte(row))
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

func (s *Sessions) store(ctx context.Context, row string, held content) error {
	sealed, err := s.sealed(row, held)
	if err != nil {
		return err
	}
	now := s.Now().UnixMicro()
	r := store.Session{ID: row, Sealed: sealed, Created: now, Seen: now, Expires: held.Expires.UnixMicro(),
		Checked: now, Person: s.person(held.Actor)}
	r.MAC = s.mac(r)
	return s.rows.Add(ctx, r)
}

// sealed is a row's content; the row's key is bound into it, so that a row
// moved to another key does not open.
func (s *Sessions) sealed(row string, held content) ([]byte, error) {
	plain, err := json.Marshal(held)
	if err != nil {
		return nil, err
	}
	return s.sealBytes(row, plain), nil
}

// sealBytes seals bytes, and binds them to a name.
func (s *Sessions) sealBytes(name string, plain []byte) []byte {
	nonce := make([]byte, s.seal.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return s.seal.Seal(nonce, nonce, plain, []byte(name))
}

// openBytes opens what sealBytes sealed; errNoSession says that it did not.
func (s *Sessions) openBytes(name string, sealed []byte) ([]byte, error) {
	if len(sealed) < s.seal.NonceSize() {
		return nil, errNoSession
	}
	plain, err := s.seal.Open(nil, sealed[:s.seal.NonceSize()], sealed[s.seal.NonceSize():], []byte(name))
	if err != nil {
		return nil, errNoSession // sealed with another key
	}
	return plain, nil
}

func (s *Sessions) open(row string, sealed []byte) (content, error) {
	plain, err := s.openBytes(row, sealed)
	if err != nil {
		return content{}, err
	}
	var held content
	if err := json.Unmarshal(plain, &held); err != nil {
		return content{}, errNoSession
	}
	return held, nil
}

// touch notes that a session is in use, once a minute at the most.
func (s *Sessions) touch(ctx context.Context, row string) error {
	now := s.Now()
	s.mu.Lock()
	at, known := s.touched[row]
	if age := now.Sub(at); known && age >= 0 && age < touchEvery {
		s.mu.Unlock()
		return nil
	}
	if s.touched == nil || len(s.touched) >= maxLive {
		s.touched = map[string]time.Time{}
	}
	s.touched[row] = now
	s.mu.Unlock()
	return s.update(ctx, row, func(r *store.Session) bool {
		older := r.Seen < now.Add(-touchEvery).UnixMicro()
		r.Seen = now.UnixMicro()
		return older
	})
}

// Purge deletes the sessions that have ended.
func (s *Sessions) Purge(ctx context.Context) error {
	now := s.Now()
	over, err := s.rows.Purge(ctx, now, now.Add(-s.Idle))
	for _, r := range over {
		if held, err := s.open(r.ID, r.Sealed); err == nil { // what another key has sealed tells nothing
			s.revoke(r.ID, held.renewal())
		}
	}
	return err
}

// Count returns how many sessions are live.
func (s *Sessions) Count(ctx context.Context) (int64, error) {
	now := s.Now()
	return s.rows.Count(ctx, now, now.Add(-s.Idle))
}

// Caller returns the COC caller of a live session, by its row's key.
func (s *Sessions) Caller(ctx context.Context, row string) (coc.Caller, error) {
	r, held, err := s.find(ctx, row)
	if err != nil {
		return coc.Caller{}, err
	}
	s.used(r)
	if held, err = s.renewed(ctx, r, held); err != nil {
		return coc.Caller{}, err
	}
	return s.caller(row, held), nil
}

func (s *Sessions) caller(row string, held content) coc.Caller {
	c := coc.Caller{Credential: held.Credential(), Language: coc.Language(held.Language),
		ProjectID: held.Actor.ProjectID, UserProfile: s.UserProfile}
	if s.canRenew(held) {
		c.Refused = func(ctx context.Context, refused huawei.Credential) (huawei.Credential, bool) {
			return s.refused(ctx, row, refused)
		}
	}
	return c
}

func (s *Sessions) viewer(row string, held content) handlers.Viewer {
	return handlers.Viewer{SessionKey: row, SessionName: s.name(row), Actor: held.Actor, Caller: s.caller(row, held),
		Manager: s.Manager(held.Actor), Expires: held.Expires, Person: s.personValue(held.Actor), Marker: s.marker(held.Actor),
		Company: held.Company}
}

// Begin replaces the browser's session by a new one under a new id.
func (s *Sessions) Begin(c echo.Context, n handlers.NewSession) (handlers.Viewer, error) {
	held := content{
		Stored: huawei.Store(n.Credential), Language: n.Language, Begun: s.Now(),
		Address: handlers.OriginFrom(c.Request().Context()).Address, Browser: c.Request().UserAgent(),
		Actor: signin.ActorOf(n.Identity),
	}
	s.lasts(&held, n.Entry)
	if n.Continues {
		if err := s.continues(c, &held); err != nil {
			return handlers.Viewer{}, err
		}
	}
	if err := s.forget(c, held); err != nil {
		return handlers.Viewer{}, unavailable(err)
	}
	s.makeRoom(c.Request().Context(), held.Actor)
	session := sessions.NewSession(s, s.CookieName(isSecure(c)))
	session.Options = &sessions.Options{Secure: isSecure(c), MaxAge: max(1, int(held.Expires.Sub(s.Now()).Seconds()))}
	session.Values[contentKey{}] = held
	if err := s.Save(c.Request(), c.Response(), session); err != nil {
		return handlers.Viewer{}, unavailable(err)
	}
	return s.viewer(rowKey(session.ID), held), nil
}

// forget deletes the session that the browser had before, so that its id is
// worth nothing afterwards. What the next one goes on with stays.
func (s *Sessions) forget(c echo.Context, next content) error {
	session, err := s.Get(c.Request(), s.CookieName(isSecure(c)))
	if err != nil || session.IsNew {
		return err
	}
	held, _ := session.Values[contentKey{}].(content)
	if kept := held.renewal(); kept.Refresh.Reveal() != next.renewal().Refresh.Reveal() {
		s.revoke(rowKey(session.ID), kept)
	}
	return s.remove(c.Request().Context(), session.ID)
}

func (s *Sessions) remove(ctx context.Context, id string) error {
	s.unsealed.drop(rowKey(id))
	_, err := s.rows.Delete(ctx, rowKey(id))
	return err
}

// End deletes the browser's session and its cookie.
func (s *Sessions) End(c echo.Context) (company.Renewal, error) {
	session, err := s.Get(c.Request(), s.CookieName(isSecure(c)))
	if err != nil {
		return company.Renewal{}, unavailable(err)
	}
	held, _ := session.Values[contentKey{}].(content)
	session.Options = &sessions.Options{Secure: isSecure(c), MaxAge: -1}
	return held.renewal(), unavailable(s.Save(c.Request(), c.Response(), session))
}

// drop is End for a session that nobody signs out of.
func (s *Sessions) drop(c echo.Context) error {
	session, err := s.Get(c.Request(), s.CookieName(isSecure(c)))
	if err == nil && session.ID != "" {
		held, _ := session.Values[contentKey{}].(content)
		s.revoke(rowKey(session.ID), held.renewal())
	}
	_, err = s.End(c)
	return err
}

// SetLanguage remembers a language in a cookie and in the session.
func (s *Sessions) SetLanguage(c echo.Context, l i18n.Language) error {
	setPreference(c, languageCookie, string(l))
	session, err := s.Get(c.Request(), s.CookieName(isSecure(c)))
	if err != nil || session.IsNew {
		return unavailable(err)
	}
	held, ok := session.Values[contentKey{}].(content)
	if !ok || held.Language == l {
		return nil
	}
	return unavailable(s.change(c.Request().Context(), rowKey(session.ID), func(held *content) { held.Language = l }))
}
