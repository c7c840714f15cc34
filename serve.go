package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"coc-console/audit"
	"coc-console/handlers"
	"coc-console/internal/coc"
	"coc-console/internal/iam"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/internal/simulator"
	"coc-console/internal/watch"
	"coc-console/migrations"
	"coc-console/web"
)

// The limits of the HTTP server. An answer may take as long as the slowest
// call to COC that it waits for; an export lifts its own limit.
const (
	headerTimeout   = 10 * time.Second
	readTimeout     = 30 * time.Second
	writeTimeout    = 3 * time.Minute
	idleTimeout     = 2 * time.Minute
	maxHeader       = 64 << 10
	shutdownTimeout = 10 * time.Second
	purgeEvery      = 10 * time.Minute
)

// closers are closed in the reverse order of their opening.
type closers []func() error

func (c *closers) add(f func() error) { *c = append(*c, f) }

func (c *closers) close() error {
	var err error
	for _, f := range slices.Backward(*c) {
		err = errors.Join(err, f())
	}
	return err
}

// serve opens everything, serves until ctx ends, and closes everything.
func serve(ctx context.Context, cfg config, stdout, stderr io.Writer) (err error) {
	logger := newLogger(cfg, stderr)
	var open closers
	defer func() { err = errors.Join(err, open.close()) }()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.listen)
	if err != nil {
		return &settingError{"listen", err.Error()}
	}
	open.add(ignoreClosed(listener.Close))
	demo, err := simulate(ctx, &cfg, &open)
	if err != nil {
		return err
	}
	metrics := web.NewMetrics()
	handler, watcher, err := assemble(ctx, cfg, logger, demo, metrics, &open)
	if err != nil {
		return err
	}
	if err := serveMetrics(ctx, cfg, metrics, logger, &open); err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn)}
	server.RegisterOnShutdown(watcher.Close) // event streams would hold it up
	if err := announce(cfg, listener.Addr(), demo, stdout); err != nil {
		return err
	}
	return serveUntil(ctx, server, listener, logger)
}

func newLogger(cfg config, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.logLevel}
	if cfg.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// serveMetrics serves /metrics at its own address, where it has one.
func serveMetrics(ctx context.Context, cfg config, metrics *web.Metrics, logger *slog.Logger, open *closers) error {
	if cfg.metricsListen == "" {
		return nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.metricsListen)
	if err != nil {
		return &settingError{"metrics-listen", err.Error()}
	}
	routes := http.NewServeMux()
	routes.Handle("GET /metrics", metrics.Handler())
	server := &http.Server{Handler: routes, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: readTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			logger.Error("metrics are no longer served", "error", err)
		}
	}()
	open.add(func() error { err := server.Close(); <-done; return err })
	logger.Info("metrics", "address", listener.Addr().String())
	return nil
}

// serveUntil serves until the context ends, then lets running requests finish.
func serveUntil(ctx context.Context, server *http.Server, l net.Listener, logger *slog.Logger) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	logger.Info("stopping")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		logger.Warn("some requests were cut off", "error", err)
		return ignoreClosed(server.Close)()
	}
	return nil
}

func ignoreClosed(f func() error) func() error {
	return func() error {
		if err := f(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	}
}

// simulate starts the simulator on an address of its own when there are no
// endpoints, and returns its accounts.
func simulate(ctx context.Context, cfg *config, open *closers) ([]handlers.DemoAccount, error) {
	if !cfg.simulated() {
		return nil, nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the simulator: %w", err)
	}
	// Its tickets take longer to make than all the rest of a start: the first
	// call waits for them, not the first page.
	handler := sync.OnceValue(func() http.Handler { return simulator.New(simulator.Config{}).Handler() })
	server := &http.Server{ReadHeaderTimeout: headerTimeout,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler().ServeHTTP(w, r) })}
	var made sync.WaitGroup
	made.Go(func() { handler() })
	open.add(func() error { made.Wait(); return nil })
	go func() { _ = server.Serve(listener) }() // ends with Close
	open.add(server.Close)
	cfg.cocEndpoint = "http://" + listener.Addr().String()
	cfg.iamEndpoint = cfg.cocEndpoint
	var demo []handlers.DemoAccount
	for _, a := range simulator.DemoAccounts() {
		for _, u := range a.Users {
			if u.Name == "operator" || u.Name == "manager" {
				demo = append(demo, handlers.DemoAccount{Account: a.Name, User: u.Name, Password: u.Password})
			}
		}
	}
	return demo, nil
}

// stores are the console's databases.
type stores struct{ log, search, console *migrations.DB }

func openStores(ctx context.Context, dsn string, open *closers) (stores, error) {
	var s stores
	for _, store := range []struct {
		name migrations.Store
		to   **migrations.DB
	}{{migrations.Audit, &s.log}, {migrations.Search, &s.search}, {migrations.Console, &s.console}} {
		db, err := migrations.Open(ctx, dsn, store.name)
		if err != nil {
			return s, err
		}
		open.add(db.Close)
		*store.to = db
	}
	return s, nil
}

// sizes are the databases as the metrics name them: PostgreSQL has one for all.
func (s stores) sizes() map[string]func(context.Context) (int64, error) {
	if s.log.Engine == migrations.PostgreSQL {
		return map[string]func(context.Context) (int64, error){"postgresql": s.log.Size}
	}
	return map[string]func(context.Context) (int64, error){"audit": s.log.Size, "search": s.search.Size, "console": s.console.Size}
}

// assemble opens the databases and puts the parts together.
func assemble(ctx context.Context, cfg config, logger *slog.Logger, demo []handlers.DemoAccount,
	metrics *web.Metrics, open *closers) (http.Handler, *watch.Watcher, error) {
	dbs, err := openStores(ctx, cfg.dsn(), open)
	if err != nil {
		return nil, nil, err
	}
	rules, err := policy.Open(policyFiles(cfg, len(demo) > 0), logger)
	if err != nil {
		return nil, nil, err
	}
	sessions, err := openSessions(ctx, cfg, dbs.console, rules, logger, open)
	if err != nil {
		return nil, nil, err
	}
	log, err := openLog(ctx, cfg, dbs, logger, open)
	if err != nil {
		return nil, nil, err
	}
	watchRules(ctx, rules, log, logger, open)
	cocClient, iamClient, err := clients(cfg, metrics, open)
	if err != nil {
		return nil, nil, err
	}
	operations := operate.New(operate.Config{Log: log, Client: cocClient, Keys: dbs.console.Write, IsUnique: migrations.IsUnique,
		Callers: sessions, Rules: rules, JobRate: cfg.jobRate, Logger: logger, Now: time.Now, Poll: cfg.poll, Deadline: cfg.observe, Shared: cfg.database != "", Observe: metrics.Operation})
	open.add(operations.Close)
	if err := operations.Resume(ctx); err != nil {
		return nil, nil, fmt.Errorf("take up open operations: %w", err)
	}
	watcher := watch.New(watch.Config{Client: cocClient, Logger: logger, Limits: watch.Every(cfg.watch)})
	open.add(func() error { watcher.Close(); return nil })
	h := handlers.New(handlers.Config{Store: handlers.Store{Write: dbs.console.Write, Read: dbs.console.Read}, Log: log, COC: cocClient, Watch: watcher, IAM: iamClient, Operations: operations, Sessions: sessions, Rules: rules,
		Logger: logger, Now: time.Now, DefaultProject: cfg.project, Demo: demo, Development: cfg.development})
	return web.New(web.Config{Handlers: h, Sessions: sessions, TrustedProxies: cfg.trustedProxies, Logger: logger,
		Metrics: metrics, MetricsElsewhere: cfg.metricsListen != "", Databases: dbs.sizes()}), watcher, nil
}

// demoDirectory lets the accounts of the simulator show what teams and roles
// are for.
const demoDirectory = `{"roles": {"on-call": ["demo/operator"]}, "teams": {"operations": ["demo/operator", "demo/manager"]}}`

func policyFiles(cfg config, simulated bool) policy.Files {
	f := policy.Files{Policy: cfg.policy, Directory: cfg.directory, Managers: cfg.managers}
	if simulated {
		f.Default = demoDirectory
	}
	return f
}

// reviews asks the rules in force who may read the whole log.
func reviews(rules *policy.Store) func(audit.Actor) bool {
	return func(a audit.Actor) bool {
		return rules.Decide(policy.Request{Person: operate.PersonOf(a), Action: policy.Review,
			Circumstances: policy.Circumstances{At: time.Now()}}).Allowed
	}
}

// rulesEvery is how often the policy files are looked at.
const rulesEvery = 2 * time.Second

// watchRules takes up changed policy files, and notes that in the log.
func watchRules(ctx context.Context, rules *policy.Store, log *audit.Log, logger *slog.Logger, open *closers) {
	ctx, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		rules.Watch(ctx, rulesEvery, func(broken error) {
			r := audit.Record{Action: audit.ActionPolicyChanged, Outcome: audit.OutcomeSucceeded}
			if broken != nil {
				r.Outcome, r.Detail = audit.OutcomeFailed, operate.Detail{Error: broken.Error()}.String()
			}
			if _, err := log.Append(ctx, r); err != nil && ctx.Err() == nil {
				logger.Error("that the policy files changed is not in the log", "error", err)
			}
		})
	}()
	open.add(func() error { stop(); <-done; return nil })
}

// openLog opens the audit log, which signs its checkpoints and anchors them.
func openLog(ctx context.Context, cfg config, dbs stores, logger *slog.Logger, open *closers) (*audit.Log, error) {
	settings, err := logSettings(cfg, dbs, logger)
	if err != nil {
		return nil, err
	}
	log, err := audit.Open(ctx, settings)
	if err != nil {
		return nil, err
	}
	open.add(log.Close)
	logger.Info("audit log", "name", log.Origin(), "public key", log.PublicKey())
	return log, nil
}

// logSettings is what the audit log is opened with.
func logSettings(cfg config, dbs stores, logger *slog.Logger) (audit.Config, error) {
	if err := os.MkdirAll(filepath.Dir(cfg.auditKeyFile), 0o700); err != nil {
		return audit.Config{}, err
	}
	key, err := audit.LoadKey(cfg.auditKeyFile)
	if err != nil {
		return audit.Config{}, &settingError{"audit-key-file", err.Error()}
	}
	anchors := []audit.Anchor{audit.LogAnchor{Logger: logger}}
	if cfg.anchorFile != "" {
		anchors = append(anchors, audit.FileAnchor{Path: cfg.anchorFile})
	}
	if cfg.anchorWebhook != "" {
		anchors = append(anchors, audit.WebhookAnchor{URL: cfg.anchorWebhook, Client: &http.Client{Timeout: cfg.callTimeout}})
	}
	return audit.Config{Dialect: string(dbs.log.Engine), Log: dbs.log.Write, LogRead: dbs.log.Read, EachEntry: dbs.log.EachEntry,
		Search: dbs.search.Write, SearchRead: dbs.search.Read, IsFull: migrations.IsFull, IsReadOnly: migrations.IsReadOnly, InDoubt: migrations.InDoubt,
		Unmoved: dbs.log.Unmoved, Logger: logger, Now: time.Now, Key: key, Trusted: cfg.auditKeys, Anchors: anchors,
		VerifyEvery: time.Minute, Unguarded: dbs.log.Unguarded,
		Space: func() (audit.Space, error) {
			free, total, err := dbs.log.Space()
			return audit.Space{Free: free, Total: total}, err
		}}, nil
}

func clients(cfg config, metrics *web.Metrics, open *closers) (*coc.Client, *iam.Client, error) {
	agent := "coc-console"
	c, err := coc.New(coc.Config{Endpoint: cfg.cocEndpoint, UserAgent: agent, ConnectTimeout: cfg.connectTimeout,
		HeaderTimeout: cfg.callTimeout, CallTimeout: cfg.callTimeout, Observe: metrics.Upstream("coc")})
	if err != nil {
		return nil, nil, &settingError{"coc-endpoint", err.Error()}
	}
	open.add(func() error { c.Close(); return nil })
	i, err := iam.New(iam.Config{Endpoint: cfg.iamEndpoint, UserAgent: agent, ConnectTimeout: cfg.connectTimeout,
		CallTimeout: cfg.callTimeout, Observe: metrics.Upstream("iam")})
	if err != nil {
		return nil, nil, &settingError{"iam-endpoint", err.Error()}
	}
	open.add(func() error { i.Close(); return nil })
	return c, i, nil
}

// openSessions reads the key and deletes ended sessions now and then.
func openSessions(ctx context.Context, cfg config, db *migrations.DB, rules *policy.Store, logger *slog.Logger, open *closers) (*web.Sessions, error) {
	key, err := sessionKey(cfg.sessionKeyFile)
	if err != nil {
		return nil, &settingError{"session-key-file", err.Error()}
	}
	sessions, err := web.NewSessions(web.SessionConfig{Write: db.Write, Read: db.Read, Key: key, Idle: cfg.sessionIdle,
		Manager: reviews(rules), UserProfile: cfg.userProfile, Logger: logger, Now: time.Now})
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		purge(ctx, sessions, logger)
	}()
	open.add(func() error { stop(); <-done; return nil })
	return sessions, nil
}

func purge(ctx context.Context, sessions *web.Sessions, logger *slog.Logger) {
	tick := time.NewTicker(purgeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := sessions.Purge(ctx); err != nil && ctx.Err() == nil {
			logger.Warn("ended sessions are still there", "error", err)
		}
	}
}

// sessionKey reads the key, 64 hex digits, and makes one where there is no file.
func sessionKey(path string) ([]byte, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return audit.SecretFile(path, web.KeySize)
}

// announce prints where the console is and how to sign in.
func announce(cfg config, addr net.Addr, demo []handlers.DemoAccount, w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "COC console: http://%s\n", addr)
	if len(demo) > 0 {
		b.WriteString("It runs on the simulator inside it: nothing real is touched. Sign in with\n")
		for _, d := range demo {
			fmt.Fprintf(&b, "  account %s, user %s, password %s\n", d.Account, d.User, d.Password)
		}
	} else {
		fmt.Fprintf(&b, "COC: %s  IAM: %s\n", cfg.cocEndpoint, cfg.iamEndpoint)
	}
	if cfg.database == "" {
		fmt.Fprintf(&b, "Data: %s\n", cfg.data)
	} else {
		b.WriteString("Data: PostgreSQL\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
