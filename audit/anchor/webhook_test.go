package anchor

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestWebhooksAddressIsNotRepeated: it holds a key, as those of chat services
// do.
func TestWebhooksAddressIsNotRepeated(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	elsewhere := func(to string) *httptest.Server {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusTemporaryRedirect)
		}))
		t.Cleanup(s.Close)
		return s
	}
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, r.URL.String(), http.StatusForbidden)
	}))
	t.Cleanup(refuses.Close)
	for name, base := range map[string]string{"refused": gone.URL, "bad redirect": elsewhere("http://%zz/k3y").URL,
		"redirect": elsewhere(gone.URL + "/k3y").URL, "loop": elsewhere("/k3y?k3y").URL, "answer": refuses.URL,
		"no address": "http://host:k3y", "no host": "http://k3y.invalid"} {
		ctx, cancel := context.WithCancel(t.Context())
		address := base + "/hooks/k3y?token=k3y"
		if name == "no host" { // the host is told
			address = strings.Replace(address, "k3y.invalid", "nowhere.invalid", 1)
			cancel()
		}
		err := Webhook{URL: address}.Publish(ctx, []byte("note"), nil)
		cancel()
		if err == nil || strings.Contains(err.Error(), "k3y") {
			t.Errorf("%s: %v", name, err)
		}
		if anchor := (Webhook{URL: address}).Name(); strings.Contains(anchor, "k3y") {
			t.Errorf("%s: its name is %s", name, anchor)
		}
	}
}

// TestWebhooksRedirectIsNotFollowed: checkpoints go where the setting says.
func TestWebhooksRedirectIsNotFollowed(t *testing.T) {
	asked := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	t.Cleanup(elsewhere.Close)
	redirects := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	t.Cleanup(redirects.Close)
	for name, client := range map[string]*http.Client{"default": nil, "given": {}} {
		if err := (Webhook{URL: redirects.URL, Client: client}).Publish(t.Context(), []byte("note"), nil); err == nil || asked {
			t.Errorf("%s: %v, followed: %v", name, err, asked)
		}
	}
}
