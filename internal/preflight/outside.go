package preflight

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"coc-console/internal/outside"
	"coc-console/internal/upstream"
)

// Outside asks the console by the address that people have.
func (n Network) Outside(o Outside) Check {
	o.Client = &http.Client{Timeout: n.CallTimeout + outside.ProbeHold, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true,
		DisableKeepAlives: true, DialContext: (&net.Dialer{Timeout: n.ConnectTimeout}).DialContext,
		TLSHandshakeTimeout: n.ConnectTimeout},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	o.Hold = outside.ProbeHold
	return o.Check
}

// Outside is how people reach a console that runs, and what it believes of that.
type Outside struct {
	At      outside.Address
	Key     []byte // of outside.Probe
	Trusted []netip.Prefix
	Client  *http.Client // follows no redirects
	Hold    time.Duration
}

const (
	proxyDoc = "docs/operations.md, TLS behind a proxy"
	nameIt   = "name the proxy in --trusted-proxies"
)

// Check asks the console by the address that people have.
func (o Outside) Check(ctx context.Context) []Result {
	const check = "url"
	a, kept, err := o.ask(ctx)
	if err != nil {
		do := fmt.Sprintf(otherRemedy, o.At.Host(), check)
		if r, known := remedies[upstream.ReasonOf(err)]; known {
			do = strings.NewReplacer("%[1]s", o.At.Host(), "%[2]s", check).Replace(r)
		}
		if errors.Is(err, errOther) {
			do = "start the console, with these settings; the proxy has to pass " + o.At.String() + " on to it: " + proxyDoc
		}
		return []Result{warning(check, o.At.String()+" does not lead to this console, if it runs: "+upstream.Plain(err).Error(), do)}
	}
	all := []Result{ok(check, "%s leads to this console%s", o.At, o.path(a)), o.protocol(a), o.client(a)}
	if kept {
		return append(all, failed("url streams", "something in between holds back what is live",
			"turn buffering off for the console (nginx: proxy_buffering off): "+proxyDoc))
	}
	return append(all, ok("url streams", "what is live comes through"))
}

var errOther = errors.New("it is not this console that answers")

// ask gets how a request arrives, and whether something kept the answer's first event until its end.
func (o Outside) ask(ctx context.Context) (a outside.Arrival, kept bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, o.Hold+addressTimeout+10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, o.At.String()+outside.ProbePath, http.NoBody)
	if err != nil {
		return a, false, fmt.Errorf("ask the console: %w", err)
	}
	r.Header.Set("Authorization", "Bearer "+outside.ProbeToken(o.Key, time.Now()))
	sent := time.Now()
	res, err := o.Client.Do(r)
	if err != nil {
		return a, false, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		return a, false, fmt.Errorf("%w (status %d)", errOther, res.StatusCode)
	}
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		text, isData := strings.CutPrefix(lines.Text(), "data: ")
		if !isData {
			continue
		}
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			return a, false, fmt.Errorf("%w: %w", errOther, err)
		}
		return a, time.Since(sent) >= o.Hold, nil
	}
	if err := lines.Err(); err != nil {
		return a, false, fmt.Errorf("read the console's answer: %w", err)
	}
	return a, false, fmt.Errorf("%w: it breaks off", errOther)
}

// path says whether the path arrives, where there is one.
func (o Outside) path(a outside.Arrival) string {
	switch {
	case o.At.Path == "":
		return ""
	case strings.HasPrefix(a.Path, o.At.Path+"/"):
		return "; the proxy leaves " + o.At.Path
	}
	return "; the proxy takes " + o.At.Path + " away"
}

// trusted reports whether the console believes what the other end says of its client.
func (o Outside) trusted(a outside.Arrival) bool {
	peer, err := netip.ParseAddrPort(a.Peer)
	for _, p := range o.Trusted {
		if err == nil && p.Contains(peer.Addr().Unmap()) {
			return true
		}
	}
	return a.Unix
}

// protocol looks whether the console knows that browsers use TLS.
func (o Outside) protocol(a outside.Arrival) Result {
	const check = "url protocol"
	said := strings.Join(a.Protocol, ", ")
	switch {
	case a.TLS:
		return ok(check, "the console speaks TLS itself")
	case !strings.HasPrefix(o.At.Origin, "https://"):
		return warning(check, "--url has no https: a sign-in from another machine is refused", "put TLS in front")
	case !o.trusted(a):
		return failed(check, "the request comes from "+a.Peer+", which is not believed", nameIt)
	case said == "":
		return failed(check, "no X-Forwarded-Proto arrives, so that nobody can sign in", "let the proxy set it: "+proxyDoc)
	}
	for one := range strings.SplitSeq(said, ",") {
		if !strings.EqualFold(strings.TrimSpace(one), "https") {
			return failed(check, fmt.Sprintf("X-Forwarded-Proto arrives as %q", said),
				"let the proxy set it to https, the scheme of its own client: "+proxyDoc)
		}
	}
	return ok(check, "X-Forwarded-Proto arrives as https")
}

// client looks whether the console knows where people are.
func (o Outside) client(a outside.Arrival) Result {
	const check = "url client"
	switch {
	case len(a.For) == 0 && !o.trusted(a) && (a.TLS || !strings.HasPrefix(o.At.Origin, "https://")):
		return ok(check, "no proxy stands before the console, or none that tells")
	case !o.trusted(a):
		return failed(check, "everybody seems to be at "+a.Peer+", which is not believed", nameIt)
	case len(a.For) == 0:
		return failed(check, "no X-Forwarded-For arrives: the log says unknown", "let the proxy set it: "+proxyDoc)
	}
	return ok(check, "X-Forwarded-For arrives as %s", strings.Join(a.For, ", "))
}
