package anchor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// webhookTimeout bounds a call, unless the client that is given does.
const webhookTimeout = 10 * time.Second

// Webhook posts checkpoints as text to an address.
type Webhook struct {
	URL    string
	Client *http.Client // nil: http.DefaultClient
}

// Name is the address's host: the rest may hold a secret.
func (a Webhook) Name() string {
	r, err := http.NewRequest(http.MethodPost, a.URL, nil) //nolint:noctx // is not sent
	if err != nil {
		return "webhook"
	}
	return "webhook " + r.URL.Host
}

// Last returns nothing: a webhook is not asked.
func (Webhook) Last(context.Context) ([]byte, error) { return nil, nil }

// Publish posts the checkpoint. What fails is tried again with the next one.
func (a Webhook) Publish(ctx context.Context, signed []byte, _ func([]byte) error) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.URL, bytes.NewReader(signed))
	if err != nil {
		return errors.New("the webhook's address is not valid")
	}
	r.Header.Set("Content-Type", "text/plain; charset=utf-8")
	client := http.Client{Timeout: webhookTimeout}
	if a.Client != nil {
		client = *a.Client
	}
	// The setting names the place.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := client.Do(r)
	if err != nil {
		return withoutAddress(err, r.URL)
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection can be used again
	if answer.StatusCode/100 != 2 {
		// Its own words may repeat the address.
		return fmt.Errorf("the webhook answered %d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	}
	return nil
}

// withoutAddress takes the address of a call out of an error: it may hold a
// secret, and package net/http repeats it, or what a redirect makes of it.
func withoutAddress(err error, address *url.URL) error {
	for wrapped, ok := errors.AsType[*url.Error](err); ok; wrapped, ok = errors.AsType[*url.Error](err) {
		err = wrapped.Err
	}
	text := err.Error()
	if strings.HasPrefix(text, "failed to parse Location header") { // before anything is asked about redirects
		return errors.New("the webhook redirects to what is no address")
	}
	for _, part := range []string{
		address.RawQuery, strings.Trim(address.EscapedPath(), "/"), strings.Trim(address.Path, "/"), address.User.String(),
	} {
		if part != "" && strings.Contains(text, part) {
			return errors.New("the webhook was not reached; the cause repeats its address")
		}
	}
	return err
}
