package certificate

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestHeard: what an authority refuses is in the log, in its own words, and whoever asked reads the whole answer.
func TestHeard(t *testing.T) {
	t.Parallel()
	long := `{"status":"valid","fill":"` + strings.Repeat("x", 2*maxHeard) + `"}`
	for name, tt := range map[string]struct {
		status     int
		kind, body string
		want       string // in the log; empty: nothing is logged
	}{
		"all is well":         {200, "application/json", `{"status":"valid"}`, ""},
		"no JSON":             {200, "application/pem-certificate-chain", "-----BEGIN", ""},
		"larger than is read": {200, "application/json", long, ""},
		"an old nonce":        {400, "application/problem+json", `{"type":"urn:ietf:params:acme:error:badNonce","detail":"old"}`, ""},
		"too many":            {429, "application/problem+json", `{"type":"urn:ietf:params:acme:error:rateLimited","detail":"5 certificates in 7 days"}`, "rateLimited: 5 certificates in 7 days"},
		"a failed challenge":  {200, "application/json", `{"status":"invalid","challenges":[{},{"error":{"type":"urn:acme:connection","detail":"port 443 is closed"}}]}`, "connection: port 443 is closed"},
		"a failed order":      {200, "application/json", `{"status":"invalid","error":{"type":"urn:acme:caa","detail":"forbidden"}}`, "caa: forbidden"},
		"a failed one":        {200, "application/json", `{"status":"invalid"}`, "invalid"},
		"a proxy's":           {502, "application/json", `<html>`, "not understood"},
		"tricks of terminals": {403, "application/json", "{\"type\":\"a\",\"detail\":\"\\u001b[2J\"}", "a: ␛[2J"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tt.kind)
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			}))
			defer up.Close()
			var log bytes.Buffer
			client := &http.Client{Transport: heard{http.DefaultTransport, slog.New(slog.NewTextHandler(&log, nil))}}
			res, err := client.Get(up.URL + "/order")
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			if err = errors.Join(err, res.Body.Close()); err != nil || string(body) != tt.body {
				t.Errorf("it reads %d bytes of %d, %v", len(body), len(tt.body), err)
			}
			if (tt.want == "") != (log.Len() == 0) || !strings.Contains(log.String(), tt.want) {
				t.Errorf("the log has %q, want %q", log.String(), tt.want)
			}
		})
	}
}

// TestHeardNothing: an authority that is not there is in the log, too.
func TestHeardNothing(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	client := &http.Client{Transport: heard{http.DefaultTransport, slog.New(slog.NewTextHandler(&log, nil))}}
	res, err := client.Get("http://127.0.0.1:1/dir")
	if err == nil {
		t.Fatal(res.Body.Close())
	}
	if !strings.Contains(log.String(), "does not answer") || !strings.Contains(log.String(), "127.0.0.1:1/dir") {
		t.Errorf("the log has %q", log.String())
	}
}
