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
	"slices"
	"sync"
	"time"

	"github.com/gorilla/sessions"
	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/handlers"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
)

// KeySize is the length of the session key, in bytes.
const KeySize = 32

// touchEvery is how exactly the last use of a session is kept.
const touchEvery = time.Minute

// maxLive bounds the sessions that are looked through for a live token.
const maxLive = 10_000

var errNoSession = errors.New("no such session")

// SessionConfig is what the sessions stand on. All fields are required.
type SessionConfig struct {
	Write, Read *sql.DB // the console's database: table session
	Key         []byte  // KeySize bytes
	Idle        time.Duration
	Manager     func(audit.Actor) bool // may somebody read the whole log, by the rules in force
	UserProfile string                 // sent to COC as x-user-profile; as a rule empty
	Logger      *slog.Logger
	Now         func() time.Time
}

// Sessions keeps the signed-in people. A token of several kilobytes fits no
// cookie, so the cookie holds a random id of 256 bits, and the database holds
// the session under the id's SHA-256, sealed with AES-256-GCM: neither the
// cookie jar nor the database file alone gives a token away.
//
// It is a gorilla/sessions Store, and finds live tokens for package operate.
type Sessions struct {
	SessionConfig
	seal    cipher.AEAD
	hashKey []byte
	loading handlers.Prepared

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
	block, err := aes.NewCipher(sealKey)
	if err != nil {
		return nil, err
	}
	seal, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &Sessions{SessionConfig: cfg, seal: seal, hashKey: hashKey}, nil
}

// content is what a session holds. Token is a plain string here because the
// sealed row is the one place where it must be written out.
type content struct {
	Token    string        `json:"token"`
	Actor    audit.Actor   `json:"actor"`
	Language i18n.Language `json:"language"`
	Expires  time.Time     `json:"expires"`
}

// contentKey is the one value of a gorilla session.
type contentKey struct{}

// cookieName has the __Host- prefix where TLS is used: browsers then take the
// cookie only with Secure, for the whole host and no other. Plain http is for
// loopback, where Safari refuses the prefix.
func cookieName(secure bool) string {
	if secure {
		return "__Host-coc-console"
	}
	return "coc-console"
}

// Get returns the request's session, from gorilla's registry when it was
// loaded before.
func (s *Sessions) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(s, name)
}

// New loads the session that the request's cookie names, or returns a new one.
// A cookie that is garbage, of another key or of a deleted session gives a new
// session and no error; only a database that fails does.
func (s *Sessions) New(r *http.Request, name string) (*sessions.Session, error) {
	session := sessions.NewSession(s, name)
	session.IsNew = true
	cookie, err := r.Cookie(name)
	if err != nil || !validID(cookie.Value) {
		return session, nil //nolint:nilerr // no cookie is no error: nobody is signed in
	}
	held, err := s.load(r.Context(), rowKey(cookie.Value))
	if errors.Is(err, errNoSession) {
		return session, nil
	}
	if err != nil {
		return session, err
	}
	session.ID, session.IsNew = cookie.Value, false
	session.Values[contentKey{}] = held
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
	_, err = s.Write.ExecContext(ctx,
		`INSERT INTO session (id, sealed, created_at, seen_at, expires_at) VALUES ($1, $2, $3, $3, $4)`,
		row, sealed, now, held.Expires.UnixMicro())
	return err
}

// change replaces what a session holds, if it has not been ended meanwhile.
func (s *Sessions) change(ctx context.Context, row string, held content) error {
	sealed, err := s.sealed(row, held)
	if err != nil {
		return err
	}
	_, err = s.Write.ExecContext(ctx, `UPDATE session SET sealed = $1 WHERE id = $2`, sealed, row)
	return err
}

// sealed is a row's content; the row's key is bound into it, so that a row
// moved to another key does not open.
func (s *Sessions) sealed(row string, held content) ([]byte, error) {
	plain, err := json.Marshal(held)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, s.seal.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return s.seal.Seal(nonce, nonce, plain, []byte(row)), nil
}

// load opens a live session.
func (s *Sessions) load(ctx context.Context, row string) (content, error) {
	var sealed []byte
	now := s.Now()
	//nolint:sqlclosecheck // it ends with the database
	stmt, err := s.loading.Get(ctx, s.Read, `SELECT sealed FROM session WHERE id = $1 AND expires_at > $2 AND seen_at > $3`)
	if err == nil {
		err = stmt.QueryRowContext(ctx, row, now.UnixMicro(), now.Add(-s.Idle).UnixMicro()).Scan(&sealed)
	}
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return content{}, errNoSession
	case err != nil:
		return content{}, err
	}
	return s.open(row, sealed)
}

func (s *Sessions) open(row string, sealed []byte) (content, error) {
	if len(sealed) < s.seal.NonceSize() {
		return content{}, errNoSession
	}
	nonce, text := sealed[:s.seal.NonceSize()], sealed[s.seal.NonceSize():]
	plain, err := s.seal.Open(nil, nonce, text, []byte(row))
	if err != nil {
		return content{}, errNoSession // sealed with another key
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
	_, err := s.Write.ExecContext(ctx, `UPDATE session SET seen_at = $1 WHERE id = $2 AND seen_at < $3`,
		now.UnixMicro(), row, now.Add(-touchEvery).UnixMicro())
	return err
}

// Purge deletes the sessions that have ended.
func (s *Sessions) Purge(ctx context.Context) error {
	now := s.Now()
	_, err := s.Write.ExecContext(ctx, `DELETE FROM session WHERE expires_at <= $1 OR seen_at <= $2`,
		now.UnixMicro(), now.Add(-s.Idle).UnixMicro())
	return err
}

// Count returns how many sessions are live.
func (s *Sessions) Count(ctx context.Context) (n int64, err error) {
	now := s.Now()
	err = s.Read.QueryRowContext(ctx, `SELECT count(*) FROM session WHERE expires_at > $1 AND seen_at > $2`,
		now.UnixMicro(), now.Add(-s.Idle).UnixMicro()).Scan(&n)
	return n, err
}

// Caller returns the COC caller of a live session, by its row's key.
func (s *Sessions) Caller(ctx context.Context, row string) (coc.Caller, error) {
	held, err := s.load(ctx, row)
	if err != nil {
		return coc.Caller{}, err
	}
	return s.caller(held), nil
}

// AnyCaller returns the caller of some live session in the project, the one
// that was used last, with another token than those that COC has refused.
func (s *Sessions) AnyCaller(ctx context.Context, projectID string, refused ...coc.Token) (coc.Caller, error) {
	if projectID == "" {
		// A token of account scope says of no project whose it is: it must not
		// be lent to another account's ticket.
		return coc.Caller{}, errNoSession
	}
	now := s.Now()
	rows, err := s.Read.QueryContext(ctx,
		`SELECT id, sealed FROM session WHERE expires_at > $1 AND seen_at > $2 ORDER BY seen_at DESC LIMIT $3`,
		now.UnixMicro(), now.Add(-s.Idle).UnixMicro(), maxLive)
	if err != nil {
		return coc.Caller{}, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var row string
		var sealed sql.RawBytes
		if err := rows.Scan(&row, &sealed); err != nil {
			return coc.Caller{}, err
		}
		if held, err := s.open(row, sealed); err == nil && held.Actor.ProjectID == projectID &&
			!slices.ContainsFunc(refused, coc.NewToken(held.Token).Equal) {
			return s.caller(held), nil
		}
	}
	if err := rows.Err(); err != nil {
		return coc.Caller{}, err
	}
	return coc.Caller{}, errNoSession
}

func (s *Sessions) caller(held content) coc.Caller {
	return coc.Caller{Token: coc.NewToken(held.Token), Language: coc.Language(held.Language),
		ProjectID: held.Actor.ProjectID, UserProfile: s.UserProfile}
}

func (s *Sessions) viewer(row string, held content) handlers.Viewer {
	return handlers.Viewer{SessionKey: row, SessionName: s.name(row), Actor: held.Actor, Caller: s.caller(held),
		Manager: s.Manager(held.Actor), Expires: held.Expires}
}

// Begin replaces the browser's session by a new one under a new id.
func (s *Sessions) Begin(c echo.Context, n handlers.NewSession) (handlers.Viewer, error) {
	if err := s.forget(c); err != nil {
		return handlers.Viewer{}, unavailable(err)
	}
	id := n.Identity
	held := content{
		Token: n.Token.Reveal(), Language: n.Language, Expires: id.Expires,
		Actor: audit.Actor{UserID: id.UserID, UserName: id.UserName, AccountID: id.AccountID, AccountName: id.AccountName,
			ProjectID: id.ProjectID, ProjectName: id.ProjectName},
	}
	session := sessions.NewSession(s, cookieName(isSecure(c)))
	session.Options = &sessions.Options{Secure: isSecure(c), MaxAge: max(1, int(id.Expires.Sub(s.Now()).Seconds()))}
	session.Values[contentKey{}] = held
	if err := s.Save(c.Request(), c.Response(), session); err != nil {
		return handlers.Viewer{}, unavailable(err)
	}
	return s.viewer(rowKey(session.ID), held), nil
}

// forget deletes the session that the browser had before, so that its id is
// worth nothing afterwards.
func (s *Sessions) forget(c echo.Context) error {
	session, err := s.Get(c.Request(), cookieName(isSecure(c)))
	if err != nil || session.IsNew {
		return err
	}
	return s.remove(c.Request().Context(), session.ID)
}

func (s *Sessions) remove(ctx context.Context, id string) error {
	_, err := s.Write.ExecContext(ctx, `DELETE FROM session WHERE id = $1`, rowKey(id))
	return err
}

// End deletes the browser's session and its cookie.
func (s *Sessions) End(c echo.Context) error {
	session, err := s.Get(c.Request(), cookieName(isSecure(c)))
	if err != nil {
		return unavailable(err)
	}
	session.Options = &sessions.Options{Secure: isSecure(c), MaxAge: -1}
	return unavailable(s.Save(c.Request(), c.Response(), session))
}

// SetLanguage remembers a language in a cookie and in the session.
func (s *Sessions) SetLanguage(c echo.Context, l i18n.Language) error {
	setPreference(c, languageCookie, string(l))
	session, err := s.Get(c.Request(), cookieName(isSecure(c)))
	if err != nil || session.IsNew {
		return unavailable(err)
	}
	held, ok := session.Values[contentKey{}].(content)
	if !ok || held.Language == l {
		return nil
	}
	held.Language = l
	return unavailable(s.change(c.Request().Context(), rowKey(session.ID), held))
}

// SetTheme remembers a theme in a cookie.
func (s *Sessions) SetTheme(c echo.Context, t handlers.Theme) error {
	setPreference(c, themeCookie, string(t))
	return nil
}

// SetShortcuts remembers in a cookie that single keys do nothing.
func (s *Sessions) SetShortcuts(c echo.Context, on bool) error {
	value := "off"
	if on {
		value = ""
	}
	setPreference(c, shortcutsCookie, value)
	return nil
}

// The cookies of what a reader prefers. zone is set by the browser's script.
const (
	languageCookie = "language"
	themeCookie    = "theme"
	zoneCookie     = "zone"

	shortcutsCookie = "shortcuts"
)

func setPreference(c echo.Context, name, value string) {
	age := 365 * 24 * 60 * 60
	if value == "" {
		age = -1
	}
	c.SetCookie(&http.Cookie{ //nolint:gosec // see Sessions.cookie
		Name: name, Value: value, Path: "/", MaxAge: age, HttpOnly: true,
		Secure: isSecure(c), SameSite: http.SameSiteLaxMode,
	})
}
