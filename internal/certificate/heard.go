package certificate

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"coc-console/internal/ansi"
)

// heard passes on what the authority answers, and writes its refusals into the console's log: a renewal that fails is
// otherwise told to nobody until the certificate ends soon, and is tried again half an hour later.
type heard struct {
	next   http.RoundTripper
	logger *slog.Logger
}

// maxHeard bounds what is read of an answer, in bytes.
const maxHeard = 64 << 10

// problem is how ACME says what is wrong (RFC 8555, section 6.7).
type problem struct {
	Type   string `json:"type"`
	Detail string `json:"detail"`
}

// RoundTrip makes one call.
func (h heard) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := h.next.RoundTrip(r)
	if err != nil {
		if r.Context().Err() == nil {
			h.logger.Warn("the certificate's authority does not answer", "address", r.URL.Redacted(), "error", err)
		}
		return res, err //nolint:wrapcheck // as http.RoundTripper demands
	}
	if !strings.Contains(res.Header.Get("Content-Type"), "json") {
		return res, nil
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxHeard))
	res.Body = readBack{io.MultiReader(bytes.NewReader(body), res.Body), res.Body}
	if err != nil {
		return res, nil //nolint:nilerr // who reads the body gets it, too
	}
	if wrong := refusal(res.StatusCode, body); wrong != "" {
		h.logger.Warn("the certificate's authority refuses", "address", r.URL.Redacted(), "status", res.StatusCode,
			"problem", ansi.Visible(wrong))
	}
	return res, nil
}

type readBack struct {
	io.Reader
	io.Closer
}

// refusal is what an answer says is wrong: of itself, or of an order or a challenge that has failed. An old nonce is
// none: the call is made again with a new one at once.
func refusal(status int, body []byte) string {
	var said struct {
		problem
		Status     string   `json:"status"`
		Error      *problem `json:"error"`
		Challenges []struct {
			Error *problem `json:"error"`
		} `json:"challenges"`
	}
	failed := status >= http.StatusBadRequest
	switch {
	case json.Unmarshal(body, &said) != nil:
		if failed {
			return "an answer that is not understood"
		}
		return ""
	case strings.HasSuffix(said.Type, ":badNonce"):
		return ""
	case failed:
		return said.Type + ": " + said.Detail
	case said.Status != "invalid":
		return ""
	case said.Error != nil:
		return said.Error.Type + ": " + said.Error.Detail
	}
	for _, c := range said.Challenges {
		if c.Error != nil {
			return c.Error.Type + ": " + c.Error.Detail
		}
	}
	return said.Status
}
