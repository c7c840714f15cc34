package simulator

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"coc-console/internal/simulator/api"
	"coc-console/internal/simulator/signing"
)

// Effect is the way in which a fault shows.
type Effect int

// The effects of faults.
const (
	// Refuse answers with Status, Code and Message.
	Refuse Effect = iota
	// Slow only waits for Delay and Hold; the call then succeeds.
	Slow
	// HTMLBody answers with a page as proxies make them.
	HTMLBody
	// EmptyBody answers with no body.
	EmptyBody
	// HalfBody cuts the answer in the middle.
	HalfBody
	// WrongType sends the right body as text/html.
	WrongType
	// RedirectAway answers 302 (or Status) to another path of this server.
	RedirectAway
	// Reset breaks the connection without an answer.
	Reset
	// NoEffect accepts an operation that then never takes effect, or an
	// execution without a ticket.
	NoEffect
	// OtherRow lets CANCEL_INSTANCE hit another row than was asked for
	// (docs/coc-api.md section 6.2).
	OtherRow
	// NewWords answers with states nobody knows, and with further fields.
	NewWords
	// Miscount answers with statistics that count nothing.
	Miscount
	// Drip sends the answer in 20 pieces with Pace between them.
	Drip
	// Twice lets the call take effect a second time, as if something on the way
	// had sent it again: an operation after a further Pace of simulated time,
	// an execution at once.
	Twice
	// ExpireToken lets the tokens and temporary keys that the caller's user has now expire: before
	// the call or, if Late, after it.
	ExpireToken
	// HideHint lets a sign-in that lacks a passcode, or has a wrong one, fail
	// with the words of a wrong password (docs/coc-api.md section 14.2).
	HideHint
	// ClockSkew answers by a clock that is Skew ahead: the Date header, and the
	// times of tokens in IAM's answers. What the simulator itself goes by stays.
	ClockSkew
	// EchoToken refuses with the caller's token in the message, plain and with
	// its characters escaped, and in the request id.
	EchoToken
	// WrongAudience, ExpiredIDToken, UnknownProvider and Unscoped are answers of
	// IAM to an ID token: refusals, or a token without a scope.
	WrongAudience
	ExpiredIDToken
	UnknownProvider
	Unscoped
	// ReplayNonce has the provider give an ID token with the nonce of the sign-in before.
	ReplayNonce
	// RefuseRefresh has the provider refuse refresh tokens, and BareRefresh renew without an ID token.
	RefuseRefresh
	BareRefresh
	// EarlyKeys are temporary keys that end after a minute, whatever IAM said.
	EarlyKeys
)

var effectNames = map[Effect]string{
	Refuse: "refuse", Slow: "slow", HTMLBody: "html", EmptyBody: "empty-body", HalfBody: "half-body",
	WrongType:    "wrong-type",
	RedirectAway: "redirect", Reset: "reset", NoEffect: "no-effect", OtherRow: "other-row", NewWords: "new-words",
	Miscount: "miscount",
	Drip:     "drip", Twice: "twice", ExpireToken: "expire-token",
	HideHint: "hide-hint", ClockSkew: "clock-skew", EchoToken: "echo-token",
	WrongAudience: "wrong-audience", ExpiredIDToken: "expired-id-token", UnknownProvider: "unknown-provider",
	Unscoped: "unscoped", ReplayNonce: "replay-nonce",
	RefuseRefresh: "refuse-refresh", BareRefresh: "bare-refresh", EarlyKeys: "early-keys",
}

// String is the name of the effect in scenario files.
func (e Effect) String() string { return effectNames[e] }

// MarshalText is String.
func (e Effect) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads a name.
func (e *Effect) UnmarshalText(text []byte) error { return byName(effectNames, e, string(text)) }

// Fault disturbs calls. The most recently injected fault that covers a call
// and, by its probability, hits it, wins.
type Fault struct {
	Kind   CallKind `json:"call"`   // AnyCall covers IAM as well
	Ticket string   `json:"ticket"` // execute_uuid or scenario; empty = any
	Times  int      `json:"times"`  // calls that it hits; 0 = until it is removed
	// Probability is the share of the calls that it hits, 0..1; 0 = all. The
	// same seed and the same calls in the same order are hit again.
	Probability float64 `json:"probability"`
	Effect      Effect  `json:"effect"`

	// Status is the answer's. 0 means 500 for Refuse, and for HTMLBody and
	// EmptyBody the status that the call would have had.
	Status  int    `json:"status"`
	Code    string `json:"code"` // of Refuse; without a Code there is no body
	Message string `json:"message"`
	// Gateway gives the refusal the gateway's shape, with a request_id, and
	// Keystone that of IAM; otherwise it is COC's.
	Gateway    bool   `json:"gateway"`
	Keystone   bool   `json:"keystone"`
	RetryAfter string `json:"retry_after"` // the header's value; empty = no header
	// Denial is the encoded_authorization_message of a refusal of the gateway's shape.
	Denial string `json:"encoded_authorization_message"`

	// Late lets the call take effect before the answer is lost or replaced.
	// Otherwise Refuse, EchoToken, RedirectAway, Reset, HTMLBody and EmptyBody leave no
	// effect.
	Late bool `json:"late"`
	// Delay, Tail and Hold keep the call waiting, before its effect or, if
	// Late, after it, in real time. The call ends early when its client goes away.
	Delay time.Duration `json:"delay"`
	// Tail is a further wait, drawn for every call: half of them wait less than
	// 0.42 of it, one in a hundred 9 times as long and more, none above 100 times.
	Tail time.Duration   `json:"tail"`
	Hold <-chan struct{} `json:"-"`
	Pace time.Duration   `json:"pace"` // of Drip, 0 = 250 ms, and Twice, 0 = 5 s
	Skew time.Duration   `json:"skew"` // of ClockSkew; negative: behind
}

type activeFault struct {
	Fault
	left int // 0 = no limit
	hits int
}

// Inject adds a fault; remove takes it away and may be called repeatedly.
func (s *Simulator) Inject(f Fault) (remove func()) {
	active := &activeFault{Fault: f, left: f.Times}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, active)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.drop(active)
	}
}

func (s *Simulator) drop(f *activeFault) {
	s.faults = slices.DeleteFunc(s.faults, func(g *activeFault) bool { return g == f })
}

// pick returns a copy of the fault that a call meets. The caller holds the lock.
func (s *Simulator) pick(c *call) *Fault {
	for _, f := range slices.Backward(s.faults) {
		if !f.Kind.covers(c.kind) || !s.means(f.Ticket, c.uuid) ||
			f.Probability > 0 && s.chance.Float64() >= f.Probability {
			continue
		}
		f.hits++
		if f.left > 0 {
			if f.left--; f.left == 0 {
				s.drop(f)
			}
		}
		fault := f.Fault
		fault.Delay += longTail(fault.Tail, s.chance)
		c.fault = &fault
		return &fault
	}
	return nil
}

// means tells whether a fault's ticket is that of a call.
func (s *Simulator) means(ticket, uuid string) bool {
	if ticket == "" || ticket == uuid {
		return true
	}
	t, ok := s.byUUID[uuid]
	return ok && t.spec.Scenario == ticket
}

// longTail draws from a Pareto distribution of shape 2, shifted to zero.
func longTail(scale time.Duration, rng *rand.Rand) time.Duration {
	if scale <= 0 {
		return 0
	}
	return time.Duration(float64(scale) * min(100, 1/math.Sqrt(1-rng.Float64())-1))
}

// happen is what a fault does before the call; false ends the call.
func (f *Fault) happen(w http.ResponseWriter, c *call) bool {
	if f.Late {
		return true
	}
	if !f.wait(c) {
		return false
	}
	a, replaced := f.replacement(c, nil)
	switch {
	case f.Effect == Reset:
		reset(w)
		return false
	case replaced:
		a.write(w, c.requestID)
		return false
	}
	return true
}

// alter is what a fault does after the call; false ends the call.
func (f *Fault) alter(w http.ResponseWriter, c *call, a *answer) bool {
	if f.Late && !f.wait(c) {
		return false
	}
	if f.Effect == Reset {
		reset(w)
		return false
	}
	if b, replaced := f.replacement(c, a); replaced {
		*a = b
		return true
	}
	switch f.Effect {
	case HalfBody:
		a.body = a.body[:len(a.body)/2]
	case WrongType:
		a.header["Content-Type"] = htmlType
	case NewWords:
		a.body = newWords(a.body)
	case Miscount:
		if c.kind == CallStatistics && a.status == http.StatusOK {
			*a = data(statisticsBody{Counts: []countBody{}})
		}
	case HideHint:
		if c.kind == CallSignIn && a.status == http.StatusUnauthorized {
			*a = keystone(a.status, wrongPassword)
		}
	case ClockSkew:
		f.skew(c, a)
	default: // not about the answer's text
	}
	return true
}

const page = "<html>\r\n<head><title>Error</title></head>\r\n<body>\r\n<center><h1>The service is being maintained</h1></center>\r\n</body>\r\n</html>\r\n"

// replacement is an answer that owes nothing to the call. is is the answer
// that it takes the place of, nil before the call.
func (f *Fault) replacement(c *call, is *answer) (answer, bool) {
	a := answer{status: f.Status, header: map[string]string{}}
	if a.status == 0 && is != nil {
		a.status = is.status
	}
	switch f.Effect {
	case Refuse:
		a = f.refusal(c)
	case EchoToken:
		a = f.echo(c)
	case RedirectAway:
		if f.Status == 0 {
			a.status = http.StatusFound
		}
		a.header["Location"] = "/login"
	case HTMLBody:
		a.header["Content-Type"], a.body = htmlType, []byte(page)
	case EmptyBody:
	default:
		return answer{}, false
	}
	if a.status == 0 { // HTMLBody and EmptyBody in the place of the call's own answer
		return answer{}, false
	}
	if f.RetryAfter != "" {
		a.header["Retry-After"] = f.RetryAfter
	}
	return a, true
}

func (f *Fault) refusal(c *call) answer {
	status := f.Status
	if status == 0 {
		status = http.StatusInternalServerError
	}
	switch {
	case f.Keystone:
		return keystone(status, f.Message)
	case f.Code == "":
		return answer{status: status, header: map[string]string{}}
	case f.Gateway:
		return jsonAnswer(status, gatewayBody{Message: f.Message, Code: f.Code, RequestID: c.requestID,
			Denial: f.Denial})
	}
	return jsonAnswer(status, cocErrorBody{f.Code, f.Message})
}

// echo is a refusal that tells the token of its call. No token may get into a
// page, a log or a record this way either.
func (f *Fault) echo(c *call) answer {
	token := cmp.Or(c.Header.Get("X-Auth-Token"), c.Header.Get("X-Subject-Token"), c.Header.Get("X-Security-Token"))
	var escaped strings.Builder
	for i, b := range []byte(token) {
		if i%8 != 0 { // enough to hide it from a search of the bytes
			escaped.WriteByte(b)
			continue
		}
		fmt.Fprintf(&escaped, `\u%04x`, b)
	}
	a := answer{status: cmp.Or(f.Status, http.StatusBadRequest),
		header: map[string]string{"Content-Type": jsonType, "X-Request-Id": token}}
	a.body = fmt.Appendf(nil, `{"error_code":"%s","error_msg":"Invalid parameter values: X-Auth-Token %s, escaped %s","request_id":"%s"}`,
		cmp.Or(f.Code, api.CodeInvalid), token, &escaped, token)
	return a
}

// skew moves the times of an answer.
func (f *Fault) skew(c *call, a *answer) {
	a.header["Date"] = time.Now().Add(f.Skew).UTC().Format(http.TimeFormat)
	if c.kind != CallSignIn && c.kind != CallIntrospect {
		return
	}
	a.body = tokenTime.ReplaceAllFunc(a.body, func(found []byte) []byte {
		m := tokenTime.FindSubmatch(found)
		at, err := time.Parse(iamTime, string(m[2]))
		if err != nil {
			return found
		}
		return fmt.Appendf(nil, "%s%q", m[1], at.Add(f.Skew).UTC().Format(iamTime))
	})
}

var tokenTime = regexp.MustCompile(`("(?:issued_at|expires_at|mfa_authn_at)":)"([^"]*)"`)

// wait keeps the call waiting; false when its client went away.
func (f *Fault) wait(c *call) bool {
	gone := c.Context().Done()
	if !sleep(f.Delay, gone) {
		return false
	}
	if f.Hold != nil {
		select {
		case <-f.Hold:
		case <-gone:
			return false
		}
	}
	return true
}

// sleep waits for a time; false when the client went away.
func sleep(d time.Duration, gone <-chan struct{}) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-gone:
		return false
	}
}

const dripPieces = 20

// drip sends an answer slowly, until its client goes away.
func (f *Fault) drip(w http.ResponseWriter, c *call, a answer) {
	whole := a.body
	a.body = nil
	a.header["Content-Length"] = strconv.Itoa(len(whole))
	a.write(w, c.requestID)
	out := http.NewResponseController(w)
	for piece := range slices.Chunk(whole, len(whole)/dripPieces+1) {
		if _, err := w.Write(piece); err != nil || out.Flush() != nil ||
			!sleep(cmp.Or(f.Pace, 250*time.Millisecond), c.Context().Done()) {
			return
		}
	}
}

// expire ends the tokens that the caller's user has now.
func (s *Simulator) expire(c *call) {
	given, _ := signing.Parse(c.Header.Get("Authorization"))
	claims, err := s.tokens.open(c.Header.Get("X-Auth-Token"))
	s.mu.Lock()
	defer s.mu.Unlock()
	name := claims.Account + "/" + claims.User
	if owner, signed := s.keys[given.Access]; signed {
		name = owner.account.Name + "/" + owner.user.Name
	} else if err != nil {
		return
	}
	s.expired[name] = s.lastIssue(name)
}

// reset breaks the connection: the client sees neither an answer nor an end.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil { // not HTTP/1: the nearest thing is an answer without content
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a reset instead of a proper end
	}
	_ = conn.Close()
}

// newWords replaces every state by one nobody knows and adds fields.
func newWords(body []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return body
	}
	out, err := json.Marshal(withNewWords(v))
	if err != nil {
		return body
	}
	return out
}

func withNewWords(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = withNewWords(v[i])
		}
	case map[string]any:
		for name, value := range v {
			v[name] = withNewWords(value)
		}
		for _, name := range []string{"status", "instance_status", "rotation_strategy"} {
			if _, ok := v[name].(string); ok {
				v[name] = "HIBERNATING"
			}
		}
		v["introduced_later"] = map[string]any{"list": []any{1, nil, "x"}}
	}
	return v
}
