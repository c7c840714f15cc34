package cli

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"coc-console/audit"
	"coc-console/audit/anchor"
	"coc-console/audit/search"
	"coc-console/audit/verify"
	"coc-console/handlers"
	"coc-console/internal/approval"
	"coc-console/internal/backup"
	"coc-console/internal/bulk"
	"coc-console/internal/clock"
	"coc-console/internal/coc"
	"coc-console/internal/collector"
	"coc-console/internal/database"
	"coc-console/internal/iam"
	"coc-console/internal/operate"
	"coc-console/internal/outside"
	"coc-console/internal/policy"
	"coc-console/internal/ratelimit"
	"coc-console/internal/secretfile"
	"coc-console/internal/settings"
	"coc-console/internal/simulator"
	"coc-console/internal/sockets"
	consolestore "coc-console/internal/store"
	"coc-console/internal/upstream"
	"coc-console/web"

	"github.com/spf13/cobra"
)

// rootCommand is the program without a command, which serves the console.
func (p *commandLine) rootCommand() *cobra.Command {
	var version bool
	return p.serving(&cobra.Command{
		Use: "coc-console", Short: "A web console for the script service tickets of Huawei Cloud COC",
		Long: "A web console for the script service tickets of Huawei Cloud COC. Without a command it starts the console, as serve does.\n" +
			"Without --coc-endpoint and --iam-endpoint the console runs on a simulator inside it: nothing real is touched, and the\n" +
			"start prints how to sign in.\n\n" +
			"A setting comes from its flag, else from its variable, else from the file of --config, else it has its default.",
		Example: serveExample,
	}, &version)
}

// serveCommand starts the console.
func (p *commandLine) serveCommand() *cobra.Command {
	return p.serving(&cobra.Command{Use: "serve", Short: "Start the console", Example: serveExample}, nil)
}

const serveExample = `  coc-console
  coc-console serve --config /etc/coc-console.yaml
  coc-console serve --coc-endpoint https://coc.myhuaweicloud.com --iam-endpoint https://iam.myhuaweicloud.com \
    --accounts my-account --data /var/lib/coc-console`

// serving completes a command that starts the console; version is for the root,
// which takes --version.
func (p *commandLine) serving(c *cobra.Command, version *bool) *cobra.Command {
	cfg := config{getenv: p.getenv}
	s := consoleSettings(&cfg)
	if version != nil {
		s.Options.BoolVar(version, "version", false, "print the version, and end")
	}
	return p.command(c, s, func(ctx context.Context, _ []string) error {
		if version != nil && *version {
			_, err := io.WriteString(p.stdout, thisBuild().String())
			return err
		}
		cfg.complete()
		if err := cfg.check(); err != nil {
			return err
		}
		return serve(ctx, cfg, p.stdout, p.stderr)
	})
}

// serve opens everything, serves until ctx ends, and closes everything.
func serve(ctx context.Context, cfg config, stdout, stderr io.Writer) (err error) {
	logger := newLogger(cfg, stderr)
	var open closers
	defer func() { err = errors.Join(err, open.close()) }()
	listener, err := openListener(ctx, cfg, &open)
	if err != nil {
		return err
	}
	if err := serveProfiles(ctx, cfg, logger, &open); err != nil {
		return err
	}
	if err := admitDemo(ctx, cfg); err != nil {
		return err
	}
	if err := cfg.tls.open(logger); err != nil {
		return err
	}
	demo, err := simulate(ctx, &cfg, &open)
	if err != nil {
		return err
	}
	metrics := web.NewMetrics()
	console, err := assemble(ctx, cfg, logger, demo, metrics, &open)
	if err != nil {
		return err
	}
	if err := serveMetrics(ctx, cfg, metrics, logger, &open); err != nil {
		return err
	}
	probe, err := probeKey(cfg)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: outside.Probe(probe, outside.ProbeHold, console.handler), ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn)}
	server.RegisterOnShutdown(console.closeStreams) // event streams would hold it up
	if err := cfg.tls.secure(ctx, server, listener.Addr(), cfg, logger, &open); err != nil {
		return err
	}
	if err := announce(cfg, listener.Addr(), demo, stdout); err != nil {
		return err
	}
	open.run(ctx, func(ctx context.Context) { // beside the first answers, not before them
		console.resume(ctx)
		releaseStart()
		collector.Pace(ctx)
	})
	tellManager(ctx, sockets.ManagerOf(cfg.getenv), logger, &open)
	return serveUntil(ctx, server, listener, logger)
}

// console is what assemble has put together.
type console struct {
	handler      http.Handler
	closeStreams func()
	resume       func(context.Context) // takes up what an earlier process left
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
	made.Go(func() {
		handler()
		releaseStart()
	})
	open.add(func() error { made.Wait(); return nil })
	go func() { _ = server.Serve(listener) }() // ends with Close
	open.add(server.Close)
	cfg.cocEndpoint = "http://" + listener.Addr().String()
	cfg.iamEndpoint = cfg.cocEndpoint
	cfg.oidc.simulate(cfg.cocEndpoint)
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

// assemble opens the databases and puts the parts together.
func assemble(ctx context.Context, cfg config, logger *slog.Logger, demo []handlers.DemoAccount,
	metrics *web.Metrics, open *closers) (console, error) {
	dbs, err := openKept(ctx, cfg, logger, open)
	if err != nil {
		return console{}, err
	}
	rules, err := policy.Open(policyFiles(cfg, len(demo) > 0), logger)
	if err != nil {
		return console{}, err
	}
	log, err := openLog(ctx, cfg, dbs, logger, open)
	if err != nil {
		return console{}, err
	}
	index, verifier, err := followLog(ctx, log, dbs, logger, open)
	if err != nil {
		return console{}, err
	}
	retain(ctx, cfg, index, dbs.clocks.Now, logger, open)
	rows := consolestore.DB{Write: dbs.console.Write, Read: dbs.console.Read, Lazily: database.Lazily,
		AtOnce: dbs.console.Engine == database.PostgreSQL}
	if len(demo) > 0 {
		err = markDemo(ctx, cfg, rows, log.Origin())
	} else {
		err = refuseDemo(ctx, cfg, log.Origin())
	}
	if err != nil {
		return console{}, err
	}
	watchRules(ctx, rules, log, logger, open)
	cocClient, iamClient, err := clients(cfg, metrics, dbs.clocks, logger, open)
	if err != nil {
		return console{}, err
	}
	sessions, providers, err := openSessions(ctx, cfg, sessionParts{db: dbs.console, clocks: dbs.clocks, rules: rules, log: log, iam: iamClient,
		limited: metrics.Limited}, logger, open)
	if err != nil {
		return console{}, err
	}
	watcher := openWatcher(cfg, rows, cocClient, logger, open)
	observers := web.Observers{Sessions: sessions, Watcher: watcher, Service: serviceIdentity(cfg, iamClient),
		UserProfile: cfg.userProfile}
	operations, approvals, bulks, resume, err := openOperations(ctx, cfg, rows, operate.Config{Log: log, Index: index, Client: cocClient, Callers: observers, Views: observers,
		Rules: rules, Logger: logger, Now: dbs.clocks.Now, Observe: metrics.Operation}, open)
	if err != nil {
		return console{}, err
	}
	people := limitPeople(ctx, cfg, dbs.clocks.Now, metrics, open)
	pages := handlers.Config{Company: providers, People: people, Store: rows, Log: log, Index: index, Verifier: verifier, COC: cocClient,
		Watch: watcher, IAM: iamClient, Operations: operations, Approvals: approvals, Bulk: bulks, Sessions: sessions, Rules: rules, Logger: logger, Now: dbs.clocks.Now,
		Clocks: dbs.clocks, DefaultProject: cfg.project, Accounts: cfg.accounts, Demo: demo, Development: cfg.development, Databases: dbs.sizes(), Data: cfg.data, SharedLog: cfg.database != "", Retention: cfg.retention, Night: cfg.night}
	if err := complete(ctx, cfg, &pages, metrics, open); err != nil {
		return console{}, err
	}
	h := openHandlers(ctx, pages, open)
	handler := web.New(web.Config{Handlers: h, Observed: pages, People: people, Sessions: sessions,
		TrustedProxies: cfg.trustedProxies, Outside: cfg.outside, HSTSSubdomains: cfg.hstsSubdomains, Logger: logger, Metrics: metrics,
		MetricsElsewhere: cfg.metricsListen != ""})
	return console{handler: handler, closeStreams: watcher.Close, resume: resume}, nil
}

// openOperations puts together what is done to tickets: one operation, those
// that need approval, and many at once. resume takes up what an earlier console
// left open, which is noted here.
func openOperations(ctx context.Context, cfg config, rows consolestore.DB, with operate.Config,
	open *closers) (*operate.Service, *approval.Service, *bulk.Service, func(context.Context), error) {
	rowKey, err := rowKey(cfg)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	seal := consolestore.NewSealer(rowKey)
	with.Keys, with.Leases = consolestore.NewKeys(rows), consolestore.NewLeases(rows, cfg.database != "")
	with.Poll, with.Deadline = cfg.ticketPollInterval, cfg.effectTimeout
	operations := operate.New(with)
	open.add(operations.Close)
	approvals := approval.New(approval.Config{Operations: operations, Log: with.Log, Index: with.Index, Rows: consolestore.NewApprovals(rows, seal),
		Leases: with.Leases, Rules: with.Rules, Logger: with.Logger, Now: with.Now})
	bulks := bulk.New(bulk.Config{Operations: operations, Log: with.Log, Index: with.Index, Rows: consolestore.NewBulk(rows, seal),
		Keys: consolestore.NewKeys(rows), Leases: with.Leases, Logger: with.Logger, Now: with.Now, Rate: cfg.bulkRate})
	if err := errors.Join(operations.Mark(ctx), approvals.Mark(ctx)); err != nil {
		return nil, nil, nil, nil, fmt.Errorf("find open operations: %w", err)
	}
	for _, purge := range []func(context.Context) error{operations.Purge, approvals.Purge, bulks.Purge} {
		maintain(ctx, purgeEvery, purge, with.Logger, open)
	}
	return operations, approvals, bulks, func(ctx context.Context) {
		operations.ResumeWith(ctx, bulks.Resume, approvals.Resume)
	}, nil
}

// demoDirectory lets the accounts of the simulator show what teams and roles
// are for.
const demoDirectory = `{"roles": {"on-call": ["demo/operator", "group:coc-on-call"], "managers": ["group:coc-managers"]},
	"teams": {"operations": ["demo/operator", "demo/manager", "group:coc-operations"]},
	"elevations": {"on-call": {"members": ["demo/reader"]}}}`

func policyFiles(cfg config, simulated bool) policy.Files {
	f := policy.Files{Policy: cfg.policy, Directory: cfg.directory, Calendar: cfg.policyCalendar,
		Managers: cfg.managers, Review: cfg.policyReview}
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
	open.run(ctx, func(ctx context.Context) {
		rules.Watch(ctx, rulesEvery, func(broken error) {
			r := audit.Record{Action: audit.ActionPolicyChanged, Outcome: audit.OutcomeSucceeded}
			if broken != nil {
				r.Outcome, r.Detail = audit.OutcomeFailed, operate.Detail{Error: broken.Error()}.String()
			}
			if _, err := log.Append(ctx, r); err != nil && ctx.Err() == nil {
				logger.Error("policy change not recorded", "error", err)
			}
		})
	})
}

// openLog opens the audit log, which signs its checkpoints and anchors them.
func openLog(ctx context.Context, cfg config, dbs stores, logger *slog.Logger, open *closers) (*audit.Log, error) {
	if err := audit.CheckKeys(cfg.auditKeys...); err != nil {
		return nil, settings.Wrong("audit-keys", err.Error())
	}
	logConfig, err := logSettings(ctx, cfg, dbs, logger)
	if err != nil {
		return nil, err
	}
	log, err := audit.Open(ctx, logConfig)
	if errors.Is(err, audit.ErrSignature) {
		return nil, settings.Wrong("audit-keys", "if the key was replaced, name the public half of the former one here: "+err.Error())
	}
	if err != nil {
		return nil, fmt.Errorf("open the audit log: %w", err)
	}
	open.add(log.Close)
	logger.Info("audit log opened", "name", log.Origin(), "public key", log.PublicKey())
	return log, errors.Join(recordLoss(ctx, cfg, log, dbs.lost), warnOfNewConsole(ctx, dbs, log, logger))
}

// warnOfNewConsole tells of a console.db that is younger than the log.
func warnOfNewConsole(ctx context.Context, dbs stores, log *audit.Log, logger *slog.Logger) error {
	size, err := log.Size(ctx)
	if err == nil && size > 0 && dbs.console.New {
		logger.Warn("console.db is new, and the log is not", "records", size, "lost", "sessions, saved views, requests for approval and "+
			"bulk operations", "hint", "if the folder was copied, console.db-wal may be missing")
	}
	return err
}

// logSettings is what the audit log is opened with. A key is made where there
// is none.
func logSettings(ctx context.Context, cfg config, dbs stores, logger *slog.Logger) (audit.Config, error) {
	if err := os.MkdirAll(filepath.Dir(cfg.auditKeyFile), 0o700); err != nil {
		return audit.Config{}, settings.Wrong("audit-key-file", err.Error())
	}
	log := logStores(cfg, dbs, logger)
	if err := makesKey(ctx, cfg, dbs, log); err != nil {
		return audit.Config{}, err
	}
	var err error
	if log.Key, err = audit.LoadKey(cfg.auditKeyFile); err != nil {
		return audit.Config{}, settings.Wrong("audit-key-file", err.Error())
	}
	return log, nil
}

// logStores are the settings of the audit log but for its key.
func logStores(cfg config, dbs stores, logger *slog.Logger) audit.Config {
	anchors := []audit.Anchor{anchor.Log{Logger: logger}}
	if cfg.anchorFile != "" {
		anchors = append(anchors, anchor.File{Path: cfg.anchorFile})
	}
	if cfg.anchorWebhook != "" {
		anchors = append(anchors,
			anchor.Webhook{URL: cfg.anchorWebhook, Client: &http.Client{Timeout: cfg.callTimeout}})
	}
	seen := ""
	if dbs.log.Engine == database.SQLite {
		seen = backup.SeenFile(cfg.data)
	}
	return audit.Config{Dialect: string(dbs.log.Engine), Log: dbs.log.Write, LogRead: dbs.log.Read, Database: dbs.log, Logger: logger,
		Now: dbs.clocks.Now, Trusted: cfg.auditKeys, Anchors: anchors, Seen: seen}
}

// verifyEvery is how long the background rests between two verifications of the log.
const verifyEvery = time.Minute

// followLog starts what searches and verifies the audit log.
func followLog(ctx context.Context, log *audit.Log, dbs stores, logger *slog.Logger,
	open *closers) (*search.Index, *verify.Background, error) {
	index, err := search.Open(ctx, log, search.Config{Write: dbs.search.Write, Read: dbs.search.Read, Rows: dbs.search,
		Logger: logger})
	if err != nil {
		return nil, nil, err
	}
	open.add(index.Close)
	verifier := verify.Start(ctx, index, verify.Schedule{Every: verifyEvery, Logger: logger, Now: dbs.clocks.Now})
	open.add(verifier.Close)
	return index, verifier, nil
}

func clients(cfg config, metrics *web.Metrics, clocks *clock.Monitor, logger *slog.Logger,
	open *closers) (*coc.Client, *iam.Client, error) {
	agent, budget := "coc-console", upstream.NewBudget()
	hears := func(service string) *upstream.Clock {
		return &upstream.Clock{Now: time.Now,
			Hear: func(said, sent, received time.Time) { clocks.Hear(service, said, time.Second, sent, received) }}
	}
	c, err := coc.New(coc.Config{Endpoint: cfg.cocEndpoint, UserAgent: agent, ConnectTimeout: cfg.connectTimeout,
		HeaderTimeout: cfg.callTimeout, CallTimeout: cfg.callTimeout, Budget: budget, Logger: logger, Clock: hears(clock.COC), Observe: metrics.Upstream("coc")})
	if err != nil {
		return nil, nil, settings.Wrong("coc-endpoint", err.Error())
	}
	open.add(func() error { c.Close(); return nil })
	i, err := iam.New(iam.Config{Endpoint: cfg.iamEndpoint, UserAgent: agent, ConnectTimeout: cfg.connectTimeout,
		CallTimeout: cfg.callTimeout, Budget: budget, Logger: logger, Clock: hears(clock.IAM), Observe: metrics.Upstream("iam")})
	if err != nil {
		return nil, nil, settings.Wrong("iam-endpoint", err.Error())
	}
	open.add(func() error { i.Close(); return nil })
	return c, i, nil
}

// serviceIdentity returns the one that the settings name; nil when they name none.
func serviceIdentity(cfg config, client *iam.Client) *iam.Service {
	account, user, _ := strings.Cut(cfg.serviceUser, "/")
	if cfg.serviceUser == "" {
		return nil
	}
	password := func() (string, error) { return settings.ReadPassword(cfg.servicePasswordFile) }
	return iam.NewService(client, account, user, password, time.Now)
}

// limitPeople bounds what each person uses.
func limitPeople(ctx context.Context, cfg config, now func() time.Time, metrics *web.Metrics,
	open *closers) *ratelimit.People {
	people := ratelimit.New(ratelimit.Default(cfg.userLimitFactor), now,
		func(k ratelimit.Kind) { metrics.Limited(string(k)) })
	open.run(ctx, func(ctx context.Context) { web.RunLimits(ctx, people) })
	return people
}

// admits asks whether somebody may use the console, by the rules in force.
func admits(cfg config, rules *policy.Store) func(audit.Actor) bool {
	return func(a audit.Actor) bool {
		d, _ := policy.Admission{Accounts: cfg.accounts, Rules: rules}.Decide(a.AccountID, operate.PersonOf(a),
			time.Now())
		return d.Allowed
	}
}

// sessionKey reads the key, 64 hex digits, and makes one where there is no file.
func sessionKey(path string) ([]byte, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return secretfile.Read(path, web.KeySize)
}

// probeKey lets check ask how its request reaches the console.
func probeKey(cfg config) ([]byte, error) {
	key, err := sessionKey(cfg.sessionKeyFile)
	if err != nil {
		return nil, settings.Wrong("session-key-file", err.Error())
	}
	return hkdf.Key(sha256.New, key, nil, "coc-console check", sha256.Size)
}

// rowKey authenticates the rows that can lead to an operation. It comes from the
// session key, which the database does not hold.
func rowKey(cfg config) ([]byte, error) {
	key, err := sessionKey(cfg.sessionKeyFile)
	if err != nil {
		return nil, settings.Wrong("session-key-file", err.Error())
	}
	return hkdf.Key(sha256.New, key, nil, "coc-console operation rows", sha256.Size)
}
