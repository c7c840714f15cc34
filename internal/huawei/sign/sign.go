// Package sign signs requests with an access key: SDK-HMAC-SHA256, the gateway's other way to say who calls
// (docs/coc-api.md section 1.2). The vendor's own SDK judges it in conformance.
package sign

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Key is an access key; with a security token it is a temporary one.
type Key struct{ Access, Secret, SecurityToken string }

// The headers of a signed request.
const (
	Date          = "X-Sdk-Date"
	SecurityToken = "X-Security-Token"
	Authorization = "Authorization"
)

const (
	algorithm  = "SDK-HMAC-SHA256"
	dateFormat = "20060102T150405Z"
)

// Request signs a request that is complete but for that, with the body that it will send. A request that is sent again
// is signed again.
func Request(r *http.Request, body []byte, k Key, at time.Time) {
	date := at.UTC().Format(dateFormat)
	r.Header.Set(Date, date)
	if k.SecurityToken != "" {
		r.Header.Set(SecurityToken, k.SecurityToken)
	}
	names := signed(r)
	request := sha256.Sum256([]byte(canonical(r, names, body)))
	mac := hmac.New(sha256.New, []byte(k.Secret))
	mac.Write([]byte(algorithm + "\n" + date + "\n" + hex.EncodeToString(request[:])))
	r.Header.Set(Authorization, algorithm+" Access="+k.Access+", SignedHeaders="+strings.Join(names, ";")+
		", Signature="+hex.EncodeToString(mac.Sum(nil)))
}

// signed are the headers that count, by their names in lower case: those of the gateway. As with the vendor's SDK the
// host is not among them, nor is what proxies add or change.
func signed(r *http.Request) []string {
	var names []string
	for name := range r.Header {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-") && !strings.Contains(name, "_") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// canonical is the text that stands for the request.
func canonical(r *http.Request, names []string, body []byte) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n" + path(r.URL.Path) + "\n" + query(r.URL.Query()) + "\n")
	for _, name := range names {
		values := slices.Clone(r.Header.Values(name))
		slices.Sort(values)
		for _, value := range values {
			b.WriteString(name + ":" + strings.TrimSpace(value) + "\n")
		}
	}
	payload := sha256.Sum256(body)
	b.WriteString("\n" + strings.Join(names, ";") + "\n" + hex.EncodeToString(payload[:]))
	return b.String()
}

// path escapes each part, and ends in a slash.
func path(text string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(strings.TrimSuffix(text, "/"), "/") {
		b.WriteString(escape(part) + "/")
	}
	return b.String()
}

// query is sorted by names, and for each name by values.
func query(values url.Values) string {
	var pairs []string
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		all := slices.Clone(values[name])
		slices.Sort(all)
		for _, value := range all {
			pairs = append(pairs, escape(name)+"="+escape(value))
		}
	}
	return strings.Join(pairs, "&")
}

// escape leaves letters, digits and -_.~ alone.
func escape(text string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.', c == '~':
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}
