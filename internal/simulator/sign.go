package simulator

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// AccessKey signs requests in the place of a token (docs/coc-api.md section 1.2).
type AccessKey struct {
	ID     string `json:"id"` // the AK
	Secret string `json:"secret"`
	// SecurityToken makes it a temporary key: requests carry it as
	// X-Security-Token.
	SecurityToken string    `json:"security_token"`
	Expires       time.Time `json:"expires"` // of a temporary key, in simulated time; zero = never
}

// keyOwner is an access key with the user who has it.
type keyOwner struct {
	AccessKey
	account Account
	user    User
}

func keysOf(accounts []Account) map[string]keyOwner {
	keys := map[string]keyOwner{}
	for _, a := range accounts {
		for _, u := range a.Users {
			for _, k := range u.Keys {
				keys[k.ID] = keyOwner{k, a, u}
			}
		}
	}
	return keys
}

// DemoKey is the access key of a demo user.
func DemoKey(user string) AccessKey {
	return AccessKey{ID: fixed("DEMO"+strings.ToUpper(user), 20), Secret: fixed("demo"+user+"secret", 40)}
}

// DemoTemporaryKey is a temporary access key of the demo user operator.
func DemoTemporaryKey() AccessKey {
	k := DemoKey("temporary")
	k.SecurityToken = fixed("demosecuritytoken", 1200)
	return k
}

// fixed fills a text up to the length that real ones have.
func fixed(text string, length int) string {
	return text + strings.Repeat("0", max(0, length-len(text)))
}

// The failures of one access key: more than five in a row lock it for five
// minutes of real time, as the gateway's guide to signing says.
type keyFailure struct {
	count int
	last  time.Time
}

const (
	keyTries = 5
	keyLock  = 5 * time.Minute
	maxSkew  = 15 * time.Minute
)

const algorithm = "SDK-HMAC-SHA256"

// signature is the Authorization header of a signed request.
type signature struct {
	access  string
	headers []string
	value   string
}

func parseSignature(header string) (signature, bool) {
	rest, ok := strings.CutPrefix(header, algorithm+" ")
	if !ok {
		return signature{}, false
	}
	var s signature
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Access":
			s.access = value
		case "SignedHeaders":
			s.headers = strings.Split(value, ";")
		case "Signature":
			s.value = value
		}
	}
	return s, s.access != "" && s.value != "" && slices.Contains(s.headers, "x-sdk-date")
}

// The reasons of docs/coc-api.md section 10.4 and of the gateway's guide to
// signing. A date that is more than 15 minutes off has no text of its own
// there; that of an expired temporary key is invented.
const (
	reasonSignature = "verify aksk signature fail"
	reasonLocked    = "AK access failed to reach the limit,forbidden."
	reasonTemporary = "the security token expires"
)

func reasonUnknownKey(id string) string { return "Get secretKey failed,ak:" + id + ",err:ak not exist" }

// signedBy says whose signed request it is, or why it is refused.
func (s *Simulator) signedBy(c *call) (keyOwner, string) {
	given, ok := parseSignature(c.Header.Get("Authorization"))
	if !ok {
		return keyOwner{}, reasonSignature
	}
	owner, ok := s.keys[given.access]
	if !ok {
		return keyOwner{}, reasonUnknownKey(given.access)
	}
	now := s.signatureNow()
	s.mu.Lock()
	defer s.mu.Unlock()
	failed := s.keyFailures[owner.ID]
	switch {
	case failed.count > keyTries && !s.rules.NoKeyLock && now.Sub(failed.last) < keyLock:
		return keyOwner{}, reasonLocked
	case !c.verifies(given, owner.AccessKey, now):
		s.keyFailures[owner.ID] = keyFailure{failed.count%(keyTries+1) + 1, now}
		return keyOwner{}, reasonSignature
	case !owner.Expires.IsZero() && !s.now().Before(owner.Expires):
		return keyOwner{}, reasonTemporary
	}
	delete(s.keyFailures, owner.ID)
	return owner, ""
}

const sdkDate = "20060102T150405Z"

func (c *call) verifies(given signature, key AccessKey, now time.Time) bool {
	date, err := time.Parse(sdkDate, c.Header.Get("X-Sdk-Date"))
	if err != nil || date.Sub(now).Abs() > maxSkew || c.Header.Get("X-Security-Token") != key.SecurityToken {
		return false
	}
	payload, ok := c.payloadHash()
	if !ok {
		return false
	}
	request := sha256.Sum256([]byte(c.canonical(given.headers, payload)))
	mac := hmac.New(sha256.New, []byte(key.Secret))
	mac.Write([]byte(algorithm + "\n" + date.Format(sdkDate) + "\n" + hex.EncodeToString(request[:])))
	return hmac.Equal([]byte(hex.EncodeToString(mac.Sum(nil))), []byte(given.value))
}

// payloadHash is what is signed of the body. A client may say it in a header,
// and it may leave a body that is not JSON unsigned.
func (c *call) payloadHash() (string, bool) {
	sum := sha256.Sum256(c.body)
	is := hex.EncodeToString(sum[:])
	said := c.Header.Get("X-Sdk-Content-Sha256")
	return cmp.Or(said, is), said == "" || said == is || said == "UNSIGNED-PAYLOAD"
}

// canonical is the text that is hashed: method, path, query, headers, names of
// the headers and hash of the body.
func (c *call) canonical(headers []string, payload string) string {
	var b bytes.Buffer
	b.WriteString(c.Method + "\n" + canonicalPath(c.URL.Path) + "\n" + canonicalQuery(c.URL.Query()) + "\n")
	for _, name := range headers {
		for _, v := range c.signedValues(name) {
			b.WriteString(name + ":" + strings.TrimSpace(v) + "\n")
		}
	}
	b.WriteString("\n" + strings.Join(headers, ";") + "\n" + payload)
	return b.String()
}

// signedValues are the values of a header, sorted; two of them net/http moves
// elsewhere.
func (c *call) signedValues(name string) []string {
	switch name {
	case "host":
		return []string{c.Host}
	case "content-length":
		return []string{strconv.FormatInt(c.ContentLength, 10)}
	}
	return slices.Sorted(slices.Values(c.Header.Values(name)))
}

// canonicalPath escapes every segment and ends in a slash.
func canonicalPath(path string) string {
	parts := strings.Split(path, "/")
	for i := range parts {
		parts[i] = escape(parts[i])
	}
	if path = strings.Join(parts, "/"); !strings.HasSuffix(path, "/") {
		path += "/"
	}
	return path
}

// canonicalQuery is sorted by name, then by value.
func canonicalQuery(query url.Values) string {
	names := make([]string, 0, len(query))
	for name := range query {
		names = append(names, name)
	}
	slices.Sort(names)
	var pairs []string
	for _, name := range names {
		for _, v := range slices.Sorted(slices.Values(query[name])) {
			pairs = append(pairs, escape(name)+"="+escape(v))
		}
	}
	return strings.Join(pairs, "&")
}

// escape leaves letters, digits and -_.~ as they are; a space is %20.
func escape(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

func (s *Simulator) authenticateSigned(c *call) (answer, bool) {
	owner, reason := s.signedBy(c)
	if reason != "" {
		return c.gateway(http.StatusUnauthorized, "APIGW.0301", incorrect+reason), false
	}
	c.account, c.user = owner.account, owner.user
	return answer{}, true
}
