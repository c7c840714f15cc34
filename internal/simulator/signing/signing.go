// Package signing verifies requests that are signed with SDK-HMAC-SHA256, the
// gateway's other way to say who calls (docs/coc-api.md section 1.2).
package signing

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

// Key is an access key, which signs requests in the place of a token.
type Key struct {
	ID     string `json:"id"` // the AK
	Secret string `json:"secret"`
	// SecurityToken makes it a temporary key: requests carry it as
	// X-Security-Token.
	SecurityToken string    `json:"security_token"`
	Expires       time.Time `json:"expires"` // of a temporary key, in simulated time; zero = never
}

// MaxSkew is how far the date of a request may be off.
const MaxSkew = 15 * time.Minute

const algorithm = "SDK-HMAC-SHA256"

// Signature is the Authorization header of a signed request.
type Signature struct {
	Access  string // the id of the key
	headers []string
	value   string
}

// Parse reads the header; false when it is no signature.
func Parse(header string) (Signature, bool) {
	rest, ok := strings.CutPrefix(header, algorithm+" ")
	if !ok {
		return Signature{}, false
	}
	var s Signature
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Access":
			s.Access = value
		case "SignedHeaders":
			s.headers = strings.Split(value, ";")
		case "Signature":
			s.value = value
		}
	}
	return s, s.Access != "" && s.value != "" && slices.Contains(s.headers, "x-sdk-date")
}

const sdkDate = "20060102T150405Z"

// Verifies reports whether the request, with that body, was signed with the key
// at about now.
func (s Signature) Verifies(r *http.Request, body []byte, key Key, now time.Time) bool {
	date, err := time.Parse(sdkDate, r.Header.Get("X-Sdk-Date"))
	if err != nil || date.Sub(now).Abs() > MaxSkew || r.Header.Get("X-Security-Token") != key.SecurityToken {
		return false
	}
	payload, ok := payloadHash(r, body)
	if !ok {
		return false
	}
	request := sha256.Sum256([]byte(canonical(r, s.headers, payload)))
	mac := hmac.New(sha256.New, []byte(key.Secret))
	mac.Write([]byte(algorithm + "\n" + date.Format(sdkDate) + "\n" + hex.EncodeToString(request[:])))
	return hmac.Equal([]byte(hex.EncodeToString(mac.Sum(nil))), []byte(s.value))
}

// payloadHash is what is signed of the body. A client may say it in a header,
// and it may leave a body that is not JSON unsigned.
func payloadHash(r *http.Request, body []byte) (string, bool) {
	sum := sha256.Sum256(body)
	is := hex.EncodeToString(sum[:])
	said := r.Header.Get("X-Sdk-Content-Sha256")
	return cmp.Or(said, is), said == "" || said == is || said == "UNSIGNED-PAYLOAD"
}

// canonical is the text that is hashed: method, path, query, headers, names of
// the headers and hash of the body.
func canonical(r *http.Request, headers []string, payload string) string {
	var b bytes.Buffer
	b.WriteString(r.Method + "\n" + canonicalPath(r.URL.Path) + "\n" + canonicalQuery(r.URL.Query()) + "\n")
	for _, name := range headers {
		for _, v := range signedValues(r, name) {
			b.WriteString(name + ":" + strings.TrimSpace(v) + "\n")
		}
	}
	b.WriteString("\n" + strings.Join(headers, ";") + "\n" + payload)
	return b.String()
}

// signedValues are the values of a header, sorted; two of them net/http moves
// elsewhere.
func signedValues(r *http.Request, name string) []string {
	switch name {
	case "host":
		return []string{r.Host}
	case "content-length":
		return []string{strconv.FormatInt(r.ContentLength, 10)}
	}
	return slices.Sorted(slices.Values(r.Header.Values(name)))
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
