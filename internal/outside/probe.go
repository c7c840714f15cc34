package outside

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ProbePath is where a console answers how a request has reached it, to whoever holds its key.
const ProbePath = "/healthz/way"

// Arrival is a request as it reached the console, past all that stands in between.
type Arrival struct {
	Path     string   `json:"path"`
	Host     string   `json:"host"`
	Peer     string   `json:"peer"` // address and port of the connection
	TLS      bool     `json:"tls"`
	Unix     bool     `json:"unix"`
	For      []string `json:"for"` // X-Forwarded-For
	Protocol []string `json:"protocol"`
}

// ProbeHold is how long the answer is held open after its one event, to see whether that comes through before the end.
const ProbeHold = 5 * time.Second

// probeLife is how long a token counts.
const probeLife = 5 * time.Minute

// ProbeToken lets its holder ask for some minutes.
func ProbeToken(key []byte, now time.Time) string {
	at := strconv.FormatInt(now.Unix(), 10)
	return at + "." + hex.EncodeToString(probeMAC(key, at))
}

func probeMAC(key []byte, at string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("way " + at))
	return mac.Sum(nil)
}

// knows reports whether a request has a token.
func knows(key []byte, r *http.Request, now time.Time) bool {
	token, isToken := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	at, mac, _ := strings.Cut(token, ".")
	seconds, err := strconv.ParseInt(at, 10, 64)
	sum, hexErr := hex.DecodeString(mac)
	return isToken && err == nil && hexErr == nil && hmac.Equal(sum, probeMAC(key, at)) &&
		now.Sub(time.Unix(seconds, 0)).Abs() < probeLife
}

// Probe answers at ProbePath, below whatever path, with a stream of one event, the Arrival, which ends after a hold.
// All other requests are for next, as are those without a token.
func Probe(key []byte, hold time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, ProbePath) || !knows(key, r, time.Now()) {
			next.ServeHTTP(w, r)
			return
		}
		own := r.Context().Value(http.LocalAddrContextKey)
		addr, _ := own.(interface{ Network() string })
		text, err := json.Marshal(Arrival{Path: r.URL.Path, Host: r.Host, Peer: r.RemoteAddr, TLS: r.TLS != nil,
			Unix: addr != nil && addr.Network() == "unix", For: r.Header.Values("X-Forwarded-For"),
			Protocol: r.Header.Values("X-Forwarded-Proto")})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/event-stream; charset=utf-8")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Accel-Buffering", "no")
		_, _ = w.Write([]byte("data: " + string(text) + "\n\n"))
		if http.NewResponseController(w).Flush() != nil {
			return
		}
		timer := time.NewTimer(hold)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
		}
	})
}
