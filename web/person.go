package web

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/handlers"
)

// personField is the name of the field that names whom a form was rendered for.
const personField = "person"

// personHeader carries, with requests that a page makes by itself, the marker of
// the person that the page was rendered for.
const personHeader = "Coc-Console-Person"

// maxPerson bounds the field, in bytes: names of IAM have at most 64 characters.
const maxPerson = 2048

// opener is who a form was rendered for, as its field has it.
type opener struct {
	UserID    string `json:"u"`
	AccountID string `json:"a"`
	User      string `json:"n"`
	Account   string `json:"m"`
	Project   string `json:"p,omitempty"` // the id of that in which the form was rendered
}

// personValue is the field's value: who the person is, readable by the server
// alone that can check it, and bound to the session key. It belongs to the
// person and not to a session, so that a form outlives the session in which it
// was opened.
func (s *Sessions) personValue(who audit.Actor) string {
	plain, err := json.Marshal(opener{who.UserID, who.AccountID, who.UserName, who.AccountName, who.ProjectID})
	if err != nil { // strings always marshal
		return ""
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode(plain) + "." + encode(s.personMAC("form", string(plain)))
}

// personMAC authenticates texts about a person; use keeps its kinds apart.
func (s *Sessions) personMAC(use string, texts ...string) []byte {
	mac := hmac.New(sha256.New, s.personKey)
	for _, text := range append([]string{use}, texts...) {
		length := [4]byte{byte(len(text) >> 24), byte(len(text) >> 16), byte(len(text) >> 8), byte(len(text))}
		mac.Write(length[:])
		mac.Write([]byte(text))
	}
	return mac.Sum(nil)
}

// openerOf reads a field that this console has made; false for any other.
func (s *Sessions) openerOf(value string) (opener, bool) {
	text, tag, ok := strings.Cut(value, ".")
	if !ok || len(value) > maxPerson {
		return opener{}, false
	}
	plain, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return opener{}, false
	}
	sum, err := base64.RawURLEncoding.DecodeString(tag)
	if err != nil || !hmac.Equal(sum, s.personMAC("form", string(plain))) {
		return opener{}, false
	}
	var who opener
	if err := json.Unmarshal(plain, &who); err != nil {
		return opener{}, false
	}
	return who, true
}

func (o opener) is(who audit.Actor) bool {
	return o.UserID == who.UserID && o.AccountID == who.AccountID
}

// marker tells persons apart for the page's scripts. It is no secret and opens
// nothing.
func (s *Sessions) marker(who audit.Actor) string {
	return hex.EncodeToString(s.personMAC("marker", who.AccountID, who.UserID)[:8])
}

// The lengths of a one-time key's parts, in characters: chance, and the proof of
// whose form it was made for.
const (
	keyChance = 16
	keyProof  = 10
)

// NewKey makes a one-time key for a form of that person.
func (s *Sessions) NewKey(who audit.Actor) string {
	chance := rand.Text()[:keyChance]
	return chance + s.keyProof(who, chance)
}

// OwnsKey reports whether NewKey has made the key for that person.
func (s *Sessions) OwnsKey(who audit.Actor, key string) bool {
	if len(key) != keyChance+keyProof {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(key[keyChance:]), []byte(s.keyProof(who, key[:keyChance]))) == 1
}

func (s *Sessions) keyProof(who audit.Actor, chance string) string {
	return base32.StdEncoding.EncodeToString(s.personMAC("key", who.AccountID, who.UserID, chance))[:keyProof]
}

// ofPerson lets a request of a signed-in person through, unless the page that
// made it was rendered for somebody else. Nothing of a form that is refused is
// carried out: the reader gets it again, rendered for them.
func (s *server) ofPerson(c echo.Context, r route, v handlers.Viewer) error {
	if marker := c.Request().Header.Get(personHeader); marker != "" && marker != v.Marker {
		return &handlers.Problem{Status: http.StatusConflict, Kind: handlers.ProblemOtherPerson}
	}
	if r.method != http.MethodPost {
		s.openedByOther(c, v)
		return s.call(c, r, v)
	}
	value := c.Request().PostFormValue(personField) // never of an address
	if r.person == unbound || r.person == boundIfThere && value == "" {
		return s.call(c, r, v)
	}
	who, valid := s.Sessions.openerOf(value)
	if valid && who.is(v.Actor) && r.person == bound && who.Project != v.Actor.ProjectID {
		return &handlers.Problem{Status: http.StatusConflict, Kind: handlers.ProblemOtherProject,
			Value: handlers.Typed(c)}
	}
	if valid && who.is(v.Actor) {
		return s.call(c, r, v)
	}
	return s.refuseForm(c, r, who, valid)
}

// openedByOther says on a page that it was asked for in another person's name:
// somebody else has signed in than who was sent to the sign-in page.
func (s *server) openedByOther(c echo.Context, v handlers.Viewer) {
	if who, valid := s.Sessions.openerOf(c.QueryParam(personField)); valid && !who.is(v.Actor) {
		c.SetRequest(c.Request().WithContext(handlers.WithOpener(c.Request().Context(),
			handlers.Opener{User: who.User, Account: who.Account})))
	}
}

// call calls the handler, once IAM has said that the session is good where the route asks for that.
func (s *server) call(c echo.Context, r route, v handlers.Viewer) error {
	if r.access == signedInNow {
		if err := s.Sessions.Fresh(c.Request().Context(), v.SessionKey); err != nil {
			c.SetRequest(c.Request().WithContext(handlers.WithEndRecorded(c.Request().Context())))
			return err
		}
	}
	return r.handler(c)
}

func (s *server) refuseForm(c echo.Context, r route, who opener, valid bool) error {
	why, from := handlers.RefusedNoPerson, handlers.Opener{Refused: true}
	if valid {
		why, from.User, from.Account = handlers.RefusedOtherPerson, who.User, who.Account
	}
	s.Metrics.refuse(why)
	s.Handlers.NoteRefused(c, why, from)
	c.SetRequest(c.Request().WithContext(handlers.WithOpener(c.Request().Context(), from)))
	problem := &handlers.Problem{Status: http.StatusConflict, Kind: handlers.ProblemOtherPerson,
		Value: handlers.Typed(c)}
	if r.retry == nil {
		return problem
	}
	err := r.retry(c)
	if err == nil || !valid || signInAgain(err) {
		return err
	}
	problem.Err = errors.Join(errForeignForm, err)
	return problem
}

var errForeignForm = errors.New("the form was opened by somebody else, and can't be shown again")
