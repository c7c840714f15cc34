package target

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 10

// request is what is posted.
type request struct {
	url    string
	body   any
	header http.Header
	sign   func(header http.Header, body []byte) // nil: nothing is signed
	judge  func(body []byte) error               // of an answer with a status of success; nil: it is one
}

// post sends a message by HTTP.
func (a Address) post(ctx context.Context, m Message, now time.Time) error {
	r, err := a.request(m, now)
	if err != nil {
		return err
	}
	body, err := encode(r.body)
	if err != nil {
		return fmt.Errorf("encode the message: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(body))
	if err != nil {
		return &Error{Text: "the url is wrong"} // whose text holds it
	}
	req.Header = r.header
	req.Header.Set("User-Agent", "coc-console")
	if r.sign != nil {
		r.sign(req.Header, body)
	}
	client := a.client()
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := judgeStatus(resp, now); err != nil || r.judge == nil { // the rest of the answer says nothing
		return err
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return withoutURL(err)
	}
	return r.judge(answer)
}

// client uses no proxy of the environment: it would connect in the console's place, to any address.
func (a Address) client() *http.Client {
	return &http.Client{Timeout: Timeout,
		Transport: &http.Transport{DialContext: a.dialer().DialContext, TLSClientConfig: a.tls(""),
			TLSHandshakeTimeout:   Timeout,
			ResponseHeaderTimeout: Timeout, MaxResponseHeaderBytes: maxAnswer, DisableKeepAlives: true, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// withoutURL is an error of net/http without the address, which may be a secret.
func withoutURL(err error) error {
	if outer, ok := errors.AsType[*url.Error](err); ok {
		return outer.Err
	}
	return err
}

func judgeStatus(resp *http.Response, now time.Time) error {
	code := resp.StatusCode
	e := &Error{Text: fmt.Sprintf("it answered with status %d", code)}
	switch {
	case code >= 200 && code < 300:
		return nil
	case code >= 300 && code < 400:
		e.Text = fmt.Sprintf("it redirects (status %d), which is not followed: name the final address", code)
		e.Do = "name the final address as its url"
	case code == http.StatusGone:
		e.Text, e.Gone = "it wants no more (status 410)", true
		e.Do = "it was given up there: have a new address made, and name that as its url"
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		e.Do = "it doesn't take the secret: check its url and secret_file"
	case code == http.StatusNotFound, code == http.StatusMethodNotAllowed:
		e.Do = "nobody takes messages at this address: check the path of its url"
	case code >= http.StatusInternalServerError:
		e.Do = "the receiver has a problem of its own: try again later, or ask its administrator"
	case code == http.StatusBadRequest, code == http.StatusRequestEntityTooLarge,
		code == http.StatusUnsupportedMediaType, code == http.StatusUnprocessableEntity:
		e.Refused = true
		e.Do = "it refuses what the message says: is it a receiver of this kind? Ask whoever runs it"
	case code == http.StatusTooManyRequests:
		e.Do = "it is asked too often: try again later"
	}
	e.After = retryAfter(resp.Header.Get("Retry-After"), now)
	return e
}

// retryAfter is the pause that a target asks for, in seconds or until a date.
func retryAfter(text string, now time.Time) time.Duration {
	pause := time.Duration(0)
	if seconds, err := strconv.Atoi(text); err == nil {
		pause = time.Duration(min(seconds, 1<<20)) * time.Second
	} else if until, err := http.ParseTime(text); err == nil {
		pause = until.Sub(now)
	}
	return min(max(pause, 0), MaxAfter)
}

// encode leaves <, > and & as they are: Slack escapes them in its own way.
func encode(body any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(body)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func (a Address) request(m Message, now time.Time) (request, error) {
	r := request{url: a.URL, header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}}
	switch a.Kind {
	case Slack:
		r.body = slackBody(m)
	case Feishu:
		r.body, r.judge = feishuBody(m, a.Secret, now), judgeFeishu
	case WeCom:
		r.body, r.judge = wecomBody(m), judgeErrcode
	case DingTalk:
		r.body, r.judge = dingTalkBody(m), judgeErrcode
		r.url = dingTalkURL(a.URL, a.Secret, now)
	case Webhook, Mail:
		return a.webhook(m, now)
	}
	return r, nil
}

// cloudEvent is the structured form of CloudEvents 1.0.
type cloudEvent struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Subject         string    `json:"subject,omitempty"`
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	Data            any       `json:"data"`
}

// typePrefix is before the event in the type of a CloudEvent.
const typePrefix = "coc-console."

func (a Address) webhook(m Message, now time.Time) (request, error) {
	key, err := webhookKey(a.Secret)
	r := request{url: a.URL, header: http.Header{"Content-Type": {"application/cloudevents+json; charset=utf-8"}},
		body: cloudEvent{"1.0", m.ID, m.Source, typePrefix + m.Event, m.Subject, m.Time.UTC(), "application/json", m.Data}}
	r.sign = func(header http.Header, body []byte) {
		at := strconv.FormatInt(now.Unix(), 10)
		// Receivers look for these names in lower case, as Standard Webhooks writes them; HTTP does not care.
		header.Set("Webhook-Id", m.ID)
		header.Set("Webhook-Timestamp", at)
		header.Set("Webhook-Signature", "v1,"+sum(key, m.ID+"."+at+"."+string(body)))
	}
	return r, err
}

// sum is an HMAC-SHA256 in base64.
func sum(key []byte, text string) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// webhookPrefix begins the secret of a Standard Webhook.
const webhookPrefix = "whsec_"

// The sizes of a key in bytes, as Standard Webhooks has them.
const minKey, maxKey = 24, 64

func webhookKey(secret string) ([]byte, error) {
	text, ok := strings.CutPrefix(secret, webhookPrefix)
	key, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(key) < minKey || len(key) > maxKey {
		return nil, &Error{Text: fmt.Sprintf("its secret_file does not hold %s and %d to %d bytes in base64, such as "+
			"printf 'whsec_%%s\\n' \"$(openssl rand -base64 32)\" makes", webhookPrefix, minKey, maxKey)}
	}
	return key, nil
}
