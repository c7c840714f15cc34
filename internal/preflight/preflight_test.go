package preflight_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coc-console/internal/coc"
	"coc-console/internal/database"
	"coc-console/internal/huawei"
	"coc-console/internal/iam"
	"coc-console/internal/preflight"
	"coc-console/internal/simulator"
)

// only is the one result of a check.
func only(t *testing.T, all []preflight.Result) preflight.Result {
	t.Helper()
	if len(all) != 1 {
		t.Fatalf("%d results: %+v", len(all), all)
	}
	return all[0]
}

// want compares a result; what is wrong has to say what to do.
func want(t *testing.T, r preflight.Result, state preflight.State, texts ...string) {
	t.Helper()
	if r.State != state {
		t.Errorf("%s is %s, want %s: %s", r.Check, r.State, state, r.Text)
	}
	for _, text := range texts {
		if !strings.Contains(r.Text+" "+r.Do, text) {
			t.Errorf("%s says %q, to do %q, without %q", r.Check, r.Text, r.Do, text)
		}
	}
	if (state == preflight.Failed || state == preflight.Warning) && r.Do == "" {
		t.Errorf("%s does not say what to do: %s", r.Check, r.Text)
	}
}

func served(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func network() preflight.Network {
	return preflight.Network{ConnectTimeout: 20 * time.Second, CallTimeout: time.Minute, Now: time.Now}
}

func service(name, address string) preflight.Service {
	return preflight.Service{Name: name, Setting: name + "-endpoint", URL: address, Path: "/v3/auth/tokens"}
}

// TestService: each way in which a service is not reached is told apart, with what to do.
func TestService(t *testing.T) {
	sim := simulator.New(simulator.Config{})
	up := served(t, sim.Handler())
	all := network().Service(service("iam", up.URL))(t.Context())
	if len(all) != 2 {
		t.Fatalf("%+v", all)
	}
	want(t, all[0], preflight.OK, up.URL, "answers in")
	want(t, all[1], preflight.OK, "clocks agree")

	foreign := httptest.NewUnstartedServer(sim.Handler())
	foreign.Config.ErrorLog = log.New(io.Discard, "", 0)
	foreign.StartTLS()
	t.Cleanup(foreign.Close)
	gone := served(t, sim.Handler())
	gone.Close()
	for name, tt := range map[string]struct {
		address string
		fault   simulator.Fault
		state   preflight.State
		text    string
	}{
		"no name":         {"https://nowhere.invalid", simulator.Fault{}, preflight.Failed, "DNS"},
		"nothing listens": {gone.URL, simulator.Fault{}, preflight.Failed, "nothing listens there"},
		"unknown CA":      {foreign.URL, simulator.Fault{}, preflight.Failed, "SSL_CERT_FILE"},
		"no TLS":          {strings.Replace(up.URL, "http:", "https:", 1), simulator.Fault{}, preflight.Failed, "no TLS is spoken"},
		"breaks":          {up.URL, simulator.Fault{Effect: simulator.Reset}, preflight.Failed, "connection breaks"},
		"portal":          {up.URL, simulator.Fault{Effect: simulator.HTMLBody, Status: http.StatusOK}, preflight.Failed, "somebody else answers"},
		"fails":           {up.URL, simulator.Fault{Effect: simulator.Refuse, Status: http.StatusServiceUnavailable}, preflight.Warning, "503"},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.fault != (simulator.Fault{}) {
				defer sim.Inject(tt.fault)()
			}
			want(t, only(t, network().Service(service("iam", tt.address))(t.Context())), tt.state, tt.text)
		})
	}
}

// TestAnotherService: a server that doesn't know the call is probably not the one that was meant.
func TestAnotherService(t *testing.T) {
	all := network().Service(service("iam", served(t, http.NotFoundHandler()).URL))(t.Context())
	if len(all) == 0 {
		t.Fatal("no result")
	}
	want(t, all[0], preflight.Warning, "answers 404", "--iam-endpoint")
}

// TestAnchors: where checkpoints are kept has to be there; a webhook's path is told nobody.
func TestAnchors(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "checkpoint")
	want(t, only(t, preflight.AnchorFile(file)(t.Context())), preflight.OK, file)
	want(t, only(t, preflight.AnchorFile("/nowhere/checkpoint")(t.Context())), preflight.Failed, "make the folder")
	want(t, only(t, preflight.AnchorFile(folder)(t.Context())), preflight.Failed, "is no file")
	gone := served(t, http.NotFoundHandler())
	up := served(t, http.NotFoundHandler())
	gone.Close()
	for address, state := range map[string]preflight.State{up.URL + "/canary?key=canary": preflight.OK, gone.URL + "/canary": preflight.Failed,
		"https://nowhere.invalid/canary": preflight.Failed} {
		r := only(t, network().AnchorWebhook(address)(t.Context()))
		want(t, r, state)
		if strings.Contains(r.Text+r.Do, "canary") {
			t.Errorf("it tells the path: %+v", r)
		}
	}
}

// TestServiceClock: the clock of the answer is compared, beyond the second that its date leaves open.
func TestServiceClock(t *testing.T) {
	for skew, state := range map[time.Duration]preflight.State{0: preflight.OK, 10 * time.Minute: preflight.Failed, -10 * time.Minute: preflight.Failed, time.Second: preflight.OK} {
		up := served(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(skew).UTC().Format(http.TimeFormat))
			w.WriteHeader(http.StatusUnauthorized)
		}))
		all := network().Service(service("coc", up.URL))(t.Context())
		if len(all) != 2 {
			t.Fatalf("%+v", all)
		}
		want(t, all[1], state)
	}
}

// TestSignIn: somebody signs in and reads the list; what IAM and COC refuse is told with what to do.
func TestSignIn(t *testing.T) {
	sim := simulator.New(simulator.Config{})
	up := served(t, sim.Handler())
	logger := slog.New(slog.DiscardHandler)
	identities, err := iam.New(iam.Config{Endpoint: up.URL, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(identities.Close)
	tickets, err := coc.New(coc.Config{Endpoint: up.URL, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tickets.Close)
	try := func(user, password, project string) []preflight.Result {
		t.Helper()
		all := preflight.SignIn(preflight.Person{PasswordRequest: iam.PasswordRequest{Account: "demo", User: user, Password: password, Project: project}},
			identities, tickets)(t.Context())
		if len(all) != 2 {
			t.Fatalf("%+v", all)
		}
		if text := preflight.Text(all); strings.Contains(text, huawei.Redacted) || password != user && strings.Contains(text, password) {
			t.Errorf("it prints a secret:\n%s", text)
		}
		return all
	}
	all := try("operator", "operator", "cn-north-4")
	want(t, all[0], preflight.OK, "operator of demo", "account ID")
	want(t, all[1], preflight.OK, "COC lists")

	all = try("operator", "wr0ng-pa55word", "cn-north-4")
	want(t, all[0], preflight.Failed, "check account, user and password")
	want(t, all[1], preflight.NotTried)
	want(t, try("operator", "operator", "no-such-project")[0], preflight.Failed, "--project")

	remove := sim.Inject(simulator.Fault{Kind: simulator.CallListTickets, Effect: simulator.Refuse, Status: http.StatusForbidden, Code: "APIGW.0302", Message: "no"})
	want(t, try("operator", "operator", "cn-north-4")[1], preflight.Failed, "coc:job:list")
	remove()
	want(t, preflight.Exchange(simulator.ProviderName, "cn-north-4", identities)(t.Context())[0], preflight.OK, "nobody has signed")
	want(t, preflight.Exchange("another", "cn-north-4", identities)(t.Context())[0], preflight.Warning, "--oidc-idp")
	keys := preflight.SignIn(preflight.Person{Keys: true, PasswordRequest: iam.PasswordRequest{Account: "demo", User: "operator", Password: "operator", Project: "cn-north-4"}},
		identities, tickets)
	want(t, keys(t.Context())[2], preflight.OK, "signed")
	for kind, text := range map[simulator.CallKind]string{simulator.CallTemporaryKeys: "IAM gives no", simulator.CallProjects: "IAM does not take"} {
		remove := sim.Inject(simulator.Fault{Kind: kind, Effect: simulator.Refuse, Status: http.StatusForbidden, Code: "IAM.0002", Message: "no"})
		want(t, keys(t.Context())[2], preflight.Failed, text, "--oidc-exchange token")
		remove()
	}
	up.Close()
	want(t, try("operator", "operator", "cn-north-4")[0], preflight.Failed, "nothing listens there")
}

// TestDiscoveryAnsweredBySomethingElse: it says what came, and what to do about each.
func TestDiscoveryAnsweredBySomethingElse(t *testing.T) {
	for _, tt := range []struct {
		status     int
		body       string
		says, todo string
	}{
		{200, "<html>", "answers 200 OK, text/html, without", "not the address of a sign-in page"},
		{404, `{"error":"no realm"}`, "answers 404 Not Found", "path included"},
		{200, `{"error":"no"}`, "answers 200 OK", "path included"},
		{302, "", "302 Found, text/html, to https://portal.example/login, without", "as the provider has it"},
		{503, "", "answers 503 Service Unavailable", "try again later"},
	} {
		up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Location", "https://user:secret@portal.example/login?token=secret")
			w.WriteHeader(tt.status)
			_, _ = w.Write([]byte(tt.body))
		}))
		r := only(t, network().Discovery(up.URL)(t.Context()))
		up.Close()
		want(t, r, preflight.Failed, tt.says)
		if !strings.Contains(r.Do, tt.todo) || strings.Contains(r.Text+r.Do, "secret") {
			t.Errorf("%d %s: %s. To do: %s", tt.status, tt.body, r.Text, r.Do)
		}
	}
}

// TestDiscovery: the simulator's provider is what it calls itself; others say what is wrong.
func TestDiscovery(t *testing.T) {
	up := served(t, simulator.New(simulator.Config{}).Handler())
	want(t, only(t, network().Discovery(up.URL+simulator.ProviderPath)(t.Context())), preflight.OK)
	want(t, only(t, network().Discovery(up.URL)(t.Context())), preflight.Failed, "without a discovery document")
	want(t, only(t, network().Discovery("https://nowhere.invalid")(t.Context())), preflight.Failed, "--oidc-issuer")
	said := map[string]any{}
	other := served(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/.well-known/openid-configuration" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_ = json.NewEncoder(w).Encode(said)
	}))
	said["issuer"] = "https://elsewhere.example"
	want(t, only(t, network().Discovery(other.URL)(t.Context())), preflight.Failed, `calls itself "https://elsewhere.example"`)
	said["issuer"] = other.URL
	want(t, only(t, network().Discovery(other.URL)(t.Context())), preflight.Failed, "no address for sign-ins")
	said["authorization_endpoint"], said["token_endpoint"], said["jwks_uri"] = other.URL+"/a", other.URL+"/t", other.URL+"/keys"
	want(t, only(t, network().Discovery(other.URL)(t.Context())), preflight.Failed, "keys are not there")
}

// TestAuthority: a directory, what is none, and certificates that are trusted by a file alone.
func TestAuthority(t *testing.T) {
	directory := `{"newNonce":"https://a/n","newAccount":"https://a/a","newOrder":"https://a/o"}`
	up := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/dir" {
			_, _ = io.WriteString(w, directory)
		}
	}))
	t.Cleanup(up.Close)
	want(t, only(t, network().Authority(up.URL+"/dir")(t.Context())), preflight.Failed, "trusted", "--acme-ca")
	n := network()
	n.Roots = x509.NewCertPool()
	n.Roots.AddCert(up.Certificate())
	each(t, n.Authority(up.URL+"/dir")(t.Context()), preflight.OK, "")
	want(t, only(t, n.Authority(up.URL)(t.Context())), preflight.Failed, "without a directory", "--acme-directory")
	directory = `{"newNonce":"https://a/n"}`
	want(t, only(t, n.Authority(up.URL+"/dir")(t.Context())), preflight.Failed, "without a directory")
	up.Close()
	want(t, only(t, n.Authority(up.URL+"/dir")(t.Context())), preflight.Failed, "nothing listens there", "--acme-directory")
}

// TestAddress: free, taken by a console or by another program, and not this machine's.
func TestAddress(t *testing.T) {
	other := served(t, http.NotFoundHandler())
	console := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			_, _ = io.WriteString(w, "ok\n")
		}
	})
	secure := httptest.NewUnstartedServer(console)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	folder := t.TempDir()
	socket := filepath.Join(folder, "s")
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	onSocket := &httptest.Server{Listener: l, Config: &http.Server{Handler: console, ReadHeaderTimeout: time.Second}}
	onSocket.Start()
	t.Cleanup(onSocket.Close)
	stale := filepath.Join(folder, "stale")
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	_ = left.Close()
	for address, tt := range map[string]struct {
		state preflight.State
		text  string
	}{
		"127.0.0.1:0":                                         {preflight.OK, "is free"},
		strings.TrimPrefix(other.URL, "http://"):              {preflight.Failed, "ss -ltnp"},
		strings.TrimPrefix(served(t, console).URL, "http://"): {preflight.OK, "a console serves"},
		strings.TrimPrefix(secure.URL, "https://"):            {preflight.OK, "a console serves"},
		"192.0.2.1:8080":                                      {preflight.Failed, "does not have the address"},
		"unix:" + filepath.Join(folder, "a"):                  {preflight.OK, "is free"},
		"unix:" + socket:                                      {preflight.OK, "a console serves"},
		"unix:" + stale:                                       {preflight.OK, "is replaced"},
		"unix:/nowhere/console.sock":                          {preflight.Failed, "make the folder"},
		"systemd":                                             {preflight.NotTried, "coc-console.socket"},
		"8080":                                                {preflight.NotTried, "not valid"},
	} {
		want(t, only(t, preflight.Address("listen", address)(t.Context())), tt.state, tt.text)
	}
	for _, path := range []string{socket, stale} {
		if _, err := os.Lstat(path); err != nil {
			t.Errorf("it is gone: %v", err)
		}
	}
}

// TestCertificate: its end, its beginning, its names and its key are looked at.
func TestCertificate(t *testing.T) {
	folder := t.TempDir()
	now := time.Now()
	write := func(name string, c *x509.Certificate) (cert, key string) {
		t.Helper()
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c.SerialNumber, c.Subject = big.NewInt(1), pkix.Name{CommonName: name}
		der, err := x509.CreateCertificate(rand.Reader, c, c, &private.PublicKey, private)
		if err != nil {
			t.Fatal(err)
		}
		text, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			t.Fatal(err)
		}
		cert, key = filepath.Join(folder, name+".pem"), filepath.Join(folder, name+".key")
		for file, b := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: text}} {
			if err := os.WriteFile(file, pem.EncodeToMemory(b), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return cert, key
	}
	names := []string{"ops.example.com"}
	day := 24 * time.Hour
	for name, tt := range map[string]struct {
		begins, ends time.Duration
		names        []string
		state        preflight.State
		text         string
	}{
		"good":    {-day, 90 * day, names, preflight.OK, "for ops.example.com, 192.0.2.7, until"},
		"soon":    {-day, 10 * day, names, preflight.Warning, "ends on"},
		"ended":   {-9 * day, -day, names, preflight.Failed, "ended on"},
		"early":   {day, 90 * day, names, preflight.Failed, "clock"},
		"no name": {-day, 90 * day, nil, preflight.Failed, "for no name"},
	} {
		c := &x509.Certificate{NotBefore: now.Add(tt.begins), NotAfter: now.Add(tt.ends), DNSNames: tt.names}
		if tt.names != nil {
			c.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 7)}
		}
		cert, key := write(name, c)
		want(t, only(t, preflight.Certificate(cert, key, "", now)(t.Context())), tt.state, tt.text)
	}
	want(t, only(t, preflight.Certificate(filepath.Join(folder, "good.pem"), filepath.Join(folder, "soon.key"), "", now)(t.Context())), preflight.Failed, "does not match")
	in := func(name string) string { return filepath.Join(folder, name) }
	join := func(name string, parts ...string) string {
		t.Helper()
		var all []byte
		for _, part := range parts {
			text, err := os.ReadFile(in(part))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, text...)
		}
		if err := os.WriteFile(in(name), all, 0o600); err != nil {
			t.Fatal(err)
		}
		return in(name)
	}
	look := func(cert, key, host string) preflight.Result {
		t.Helper()
		return only(t, preflight.Certificate(cert, key, host, now)(t.Context()))
	}
	good, key := in("good.pem"), in("good.key")
	want(t, look(good, key, "ops.example.com"), preflight.OK, "until")
	want(t, look(good, key, "other.example.com"), preflight.Warning, "--url names other.example.com")
	want(t, look(join("wrong order.pem", "early.pem", "good.pem"), key, ""), preflight.Failed, "certificate 2 in the file: put that first")
	if err := os.WriteFile(in("sealed.key"), []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, look(good, in("sealed.key"), ""), preflight.Failed, "the key has a password")
	issuer, issuerKey := write("issuer", &x509.Certificate{NotBefore: now.Add(-day), NotAfter: now.Add(90 * day), IsCA: true, BasicConstraintsValid: true})
	pair, err := tls.LoadX509KeyPair(issuer, issuerKey)
	if err != nil {
		t.Fatal(err)
	}
	own := &x509.Certificate{NotBefore: now.Add(-day), NotAfter: now.Add(90 * day), DNSNames: names, SerialNumber: big.NewInt(2)}
	der, err := x509.CreateCertificate(rand.Reader, own, pair.Leaf, pair.Leaf.PublicKey, pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(in("signed.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, look(in("signed.pem"), issuerKey, ""), preflight.Warning, "which signed the first one")
	want(t, look(join("whole.pem", "signed.pem", "issuer.pem"), issuerKey, ""), preflight.OK, "until")
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	want(t, look(good, key, ""), preflight.Warning, "chmod o-rwx")
	want(t, only(t, preflight.Certificate("/nowhere/cert.pem", "/nowhere/key.pem", "", now)(t.Context())), preflight.Failed, "no such file")
}

func each(t *testing.T, all []preflight.Result, state preflight.State, text string) {
	t.Helper()
	for _, r := range all {
		want(t, r, state, text)
	}
	if len(all) == 0 {
		t.Error("no result")
	}
}

// TestDatabases: none yet, up to date, and made by a newer version.
func TestDatabases(t *testing.T) {
	folder := t.TempDir()
	s := preflight.Stores{Data: folder}
	each(t, s.Databases(t.Context()), preflight.OK, "none yet")
	for _, store := range []database.Store{database.Audit, database.Search, database.Console} {
		db, err := database.Open(t.Context(), folder, store)
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	each(t, s.Databases(t.Context()), preflight.OK, "schema")
	execute(t, folder, `INSERT INTO console_schema_version (version_id, is_applied) VALUES (9999, 1)`)
	all := s.Databases(t.Context())
	want(t, all[2], preflight.Failed, "9999", "newer console")
	execute(t, folder, `DELETE FROM console_schema_version WHERE version_id > 1`)
	want(t, s.Databases(t.Context())[2], preflight.OK, "the next start takes it to")
	if err := os.WriteFile(filepath.Join(folder, "search.db"), []byte(strings.Repeat("no database ", 400)), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, s.Databases(t.Context())[1], preflight.Failed, "restore")
	want(t, only(t, preflight.Stores{Database: "postgres://coc:s3cret@127.0.0.1:1/coc"}.Databases(t.Context())), preflight.Failed, "pg_hba.conf")
}

func execute(t *testing.T, folder, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(folder, "console.db")) // Open refuses what this leaves
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestDiskAndKeys: the disk is measured where the folder is or will be, and nothing is left there.
func TestDiskAndKeys(t *testing.T) {
	folder := t.TempDir()
	s := preflight.Stores{Data: filepath.Join(folder, "a", "b")}
	want(t, only(t, s.Disk(t.Context())), preflight.OK, folder, "durable in", "free")
	key := preflight.Key{Check: "session key", Setting: "session-key-file", Path: filepath.Join(folder, "session.key"), Size: 32}
	want(t, only(t, s.Key(key)(t.Context())), preflight.OK, "the first start makes")
	shared := preflight.Stores{Data: folder, Database: "postgres://x"}
	want(t, only(t, shared.Key(key)(t.Context())), preflight.Warning, "give each a copy")
	if found, err := os.ReadDir(folder); err != nil || len(found) > 0 {
		t.Errorf("it has left %v, %v", found, err)
	}
	for text, tt := range map[string]struct {
		mode  os.FileMode
		state preflight.State
		text  string
	}{
		strings.Repeat("0a", 32): {0o600, preflight.OK, "readable"},
		strings.Repeat("0b", 32): {0o644, preflight.Failed, "chmod 600"},
		"short":                  {0o600, preflight.Failed, "64 hex digits"},
		"":                       {0o600, preflight.Failed, "is empty"},
	} {
		_ = os.Remove(key.Path)
		if err := os.WriteFile(key.Path, []byte(text), tt.mode); err != nil {
			t.Fatal(err)
		}
		want(t, only(t, s.Key(key)(context.Background())), tt.state, tt.text)
		if now, err := os.ReadFile(key.Path); err != nil || string(now) != text {
			t.Errorf("the key has become %q, %v", now, err)
		}
	}
}

// TestMendFolder: a folder that can't be written is told with what is wrong with it, not always with its owner.
func TestMendFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	stores := preflight.Stores{Data: filepath.Join(file, "data")}
	for _, r := range append(stores.Disk(t.Context()), stores.Databases(t.Context())...) {
		if r.State != preflight.Failed || !strings.Contains(r.Do, "below a file") {
			t.Errorf("%+v", r)
		}
	}
}
