package system

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"coc-console/internal/cli"
	"coc-console/internal/e2e"
)

// freeAddress is one on loopback that nobody listened on a moment ago.
func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return address
}

// TestProfiles: profiles have an address of their own, which is this machine's, and are never served beside the pages.
func TestProfiles(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	c := e2e.Launch(t, e2e.NoEnvironment, "--pprof", address)
	for url, want := range map[string]int{"http://" + address + "/debug/pprof/": http.StatusOK, "http://" + address + "/debug/pprof/heap": http.StatusOK,
		"http://" + address + "/tickets": http.StatusNotFound, c.URL + "/debug/pprof/": http.StatusNotFound} {
		if got := status(t, client, url); got != want {
			t.Errorf("%s answers %d, want %d", url, got, want)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/debug/pprof/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "elsewhere.example"
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("under another name it answers %s", res.Status)
	}
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap"} {
		if got := status(t, client, e2e.Launch(t, e2e.NoEnvironment).URL+path); got != http.StatusNotFound {
			t.Errorf("without --pprof %s answers %d", path, got)
		}
	}
}

// TestProfilesStayHere: an address that others reach does not start.
func TestProfilesStayHere(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"0.0.0.0:6060", ":6060", "192.0.2.1:6060", "[::]:6060", "example.com:6060", "6060"} {
		var out bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), e2e.StartTimeout)
		err := cli.Run(ctx, []string{"serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0", "--pprof", address}, e2e.NoEnvironment, &out, io.Discard)
		cancel()
		if err == nil || !strings.Contains(err.Error(), "--pprof") || !strings.Contains(err.Error(), "127.0.0.1") || out.Len() > 0 {
			t.Errorf("%s: %v\n%s", address, err, out.String())
		}
	}
}
