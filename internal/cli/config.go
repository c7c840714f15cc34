package cli

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"coc-console/audit/query"
	"coc-console/internal/bulk"
	"coc-console/internal/cli/auditcmd"
	"coc-console/internal/huawei"
	"coc-console/internal/outside"
	"coc-console/internal/policy"
	"coc-console/internal/settings"

	"github.com/spf13/pflag"
)

// config is everything that the console can be told.
type config struct {
	listen         string
	data, database string
	cocEndpoint    string
	iamEndpoint    string
	project        string
	userProfile    string
	accounts       []string
	managers       []string
	serviceUser    string

	servicePasswordFile  string
	databasePasswordFile string

	url     string
	outside outside.Address // what url says

	oidc oidcConfig
	tls  tlsConfig

	notices noticesConfig

	policy          string
	directory       string
	policyCalendar  string
	policyReview    bool
	bulkRate        float64
	sessionKeyFile  string
	userLimitFactor float64
	sessionIdle     time.Duration
	trustedProxies  []netip.Prefix
	hstsSubdomains  bool
	metricsListen   string
	profiles        string
	development     bool
	demo            bool

	auditKeyFile  string
	auditKeys     []string
	acceptLoss    bool
	anchorFile    string
	anchorWebhook string
	retention     time.Duration
	night         query.Night

	connectTimeout     time.Duration
	callTimeout        time.Duration
	ticketPollInterval time.Duration
	effectTimeout      time.Duration
	livePollInterval   time.Duration

	logLevel  slog.Level
	logFormat string

	getenv func(string) string // what systemd hands over is told by variables, too
}

// simulated says that there are no endpoints, so that the simulator runs inside.
func (c config) simulated() bool { return c.cocEndpoint == "" && c.iamEndpoint == "" }

// dsn is what the databases are opened with.
func (c config) dsn() string { return cmp.Or(c.database, c.data) }

// consoleSettings are the settings of the console. A new one is defined here,
// and has its line in docs/configuration.md.
func consoleSettings(c *config) *settings.Set {
	s := settings.New("")
	f := s.Console
	f.StringVar(&c.listen, "listen", "127.0.0.1:8080", "`ADDRESS` to serve on, unix:/path for a proxy on this machine, or systemd for a socket that its unit has opened; other than loopback needs --tls-cert or --trusted-proxies")
	f.StringVar(&c.url, "url", "", "`URL` at which people reach the console, such as https://ops.example.com or, below a path, https://ops.example.com/coc: for links in messages, sign-in at the company's provider, cookies and redirects; the path may reach the console or be taken away by the proxy; empty: the root of whatever host browsers name")
	c.tls.define(f)
	f.StringVar(&c.data, "data", "./coc-console-data", "`FOLDER` of audit.db, search.db, console.db and the keys")
	s.DatabaseVar(&c.database, &c.databasePasswordFile, "postgres://… `ADDRESS`, when several consoles share one log; empty: SQLite in the data folder")
	f.StringVar(&c.cocEndpoint, "coc-endpoint", "", "`URL` of COC, such as https://coc.myhuaweicloud.com; empty: the simulator runs inside")
	f.StringVar(&c.iamEndpoint, "iam-endpoint", "", "`URL` of IAM, such as https://iam.myhuaweicloud.com; goes with --coc-endpoint")
	f.StringVar(&c.project, "project", "cn-north-4", "`NAME` of the project or region that the sign-in page offers")
	f.StringVar(&c.userProfile, "user-profile", "", "`VALUE` sent to COC as x-user-profile; empty: not sent")
	settings.ListVar(f, &c.accounts, "accounts", "`LIST` of the accounts whose people may sign in, by id (safest: a name can be given up and taken by others) or by name, separated by commas or in several flags; needed outside the simulator", nil)
	settings.ListVar(f, &c.managers, "managers", "`LIST` of account/user, or id: with an IAM user's id, who may read the whole audit log, separated by commas", policy.CheckMember)
	f.StringVar(&c.serviceUser, "service-user", "", "`ACCOUNT/USER` of the console's own, best read-only, that looks for an operation's effect when the session that asked has ended; empty: it waits until somebody opens the ticket")
	f.StringVar(&c.servicePasswordFile, "service-password-file", "", "`FILE` with that user's password in its first line")
	c.oidc.define(f)
	c.notices.define(f)
	c.definePolicies(f)
	f.Float64Var(&c.bulkRate, "bulk-rate", bulk.DefaultRate, "`NUMBER` of operations a second that the bulk operations of one account send")
	f.StringVar(&c.sessionKeyFile, "session-key-file", "", "`FILE` with the key that seals the sessions, made when missing; default session.key in the data folder")
	f.DurationVar(&c.sessionIdle, "session-idle-timeout", 8*time.Hour, "`TIME` without use after which a session ends")
	f.Float64Var(&c.userLimitFactor, "user-limit-factor", 1, "`FACTOR` for what one person may use (requests, records, bytes, streams; docs/operations.md lists them)")
	settings.PrefixesVar(f, &c.trustedProxies, "trusted-proxies", "`LIST` of addresses or CIDRs whose X-Forwarded-For and X-Forwarded-Proto are believed")
	f.BoolVar(&c.hstsSubdomains, "hsts-include-subdomains", false, "tell browsers that came over TLS to use it for every name below the console's, too")
	f.StringVar(&c.metricsListen, "metrics-listen", "", "`ADDRESS` that serves /metrics to anybody who reaches it; empty: --listen serves it, to programs on this machine alone")
	f.StringVar(&c.profiles, "pprof", "", "`ADDRESS` on loopback, such as 127.0.0.1:6060, that serves profiles of processor and memory at /debug/pprof/ without a sign-in; empty: none")
	f.BoolVar(&c.demo, "demo", false, "mark the data as a demo's, made on the simulator by a version that did not mark it; a log with other accounts is refused")
	f.BoolVar(&c.development, "development", false, "serve /design, which shows every component of the pages in every state, for those who change them")
	f.StringVar(&c.auditKeyFile, "audit-key-file", "", "`FILE` with the key that signs the audit log's checkpoints, made when missing; default audit.key in the data folder")
	settings.ListVar(f, &c.auditKeys, "audit-keys", "`LIST` of public keys, besides that one, whose checkpoints are believed: former keys, or those of other consoles on the same log", nil)
	f.BoolVar(&c.acceptLoss, acceptLoss, false, "start although records of the log are missing, or the key is older than the log; for one start, which the log records")
	f.StringVar(&c.anchorFile, "anchor-file", "", "`FILE` that gets every minute's checkpoint, best on another volume; the start refuses a log that does not continue it")
	f.StringVar(&c.anchorWebhook, "anchor-webhook", "", "`URL` to which every minute's checkpoint is posted")
	f.Var(settings.Days{To: &c.retention}, "retention", "`DAYS`, such as 400d, after which the contents of records are removed, once a day by one console; hashes stay, and what a legal hold names; empty: they are kept")
	f.TextVar(&c.night, "night-hours", query.DefaultNight, "`HOURS` that \"last night\" means in the audit log, by the reader's clock")
	f.DurationVar(&c.connectTimeout, "connect-timeout", 5*time.Second, "`TIME` to connect to COC and IAM")
	f.DurationVar(&c.callTimeout, "call-timeout", 30*time.Second, "`TIME` for one call to COC or IAM")
	f.DurationVar(&c.ticketPollInterval, "ticket-poll-interval", 5*time.Second, "`TIME` between two looks at a ticket after an operation")
	f.DurationVar(&c.effectTimeout, "effect-timeout", 3*time.Minute, "`TIME` for which the effect of an operation is waited for")
	f.DurationVar(&c.livePollInterval, "live-poll-interval", 5*time.Second, "`TIME` between two readings of a ticket that runs while somebody looks at its page; what moves less is read less often")
	f.Var(settings.Level{To: &c.logLevel}, "log-level", "`LEVEL` of the console's own log: debug, info, warn or error")
	settings.ChoiceVar(f, &c.logFormat, "log-format", "`FORMAT` of the console's own log: text or json", "text", "json")
	s.Secret["anchor-webhook"] = settings.HideKeys
	s.Former = map[string]string{"job-rate": "bulk-rate", "observe": "effect-timeout", "person-limits": "user-limit-factor",
		"poll": "ticket-poll-interval", "session-idle": "session-idle-timeout", "watch": "live-poll-interval"}
	return s
}

func (c *config) definePolicies(f *pflag.FlagSet) {
	f.StringVar(&c.policy, "policy", "", "`FILE` of Cedar policies in the place of the built-in ones; taken up when it changes")
	f.StringVar(&c.directory, "directory", "", "JSON `FILE` with the roles and teams that policies ask about; taken up when it changes")
	f.StringVar(&c.policyCalendar, "policy-calendar", "", "JSON `FILE` with windows of time, such as freezes, that policies ask about; taken up when it changes")
	f.BoolVar(&c.policyReview, "policy-review", false, "show changed policy, directory and calendar files to managers, with what they would have made of past operations, and take them up only when one of them says so; a start takes up what is there")
}

// complete fills in the defaults that follow from other settings.
func (c *config) complete() {
	c.oidc.complete()
	c.sessionKeyFile = cmp.Or(c.sessionKeyFile, filepath.Join(c.data, "session.key"))
	c.outside, _ = outside.Parse(c.url) // check says what is wrong
	c.tls.complete(c.outside, c.data)
	c.auditKeyFile = cmp.Or(c.auditKeyFile, filepath.Join(c.data, "audit.key"))
	if c.simulated() && len(c.managers) == 0 {
		c.managers = []string{"demo/manager"}
	}
}

func (c config) check() error {
	if err := c.checkListen(); err != nil {
		return err
	}
	if _, err := outside.Parse(c.url); err != nil {
		return settings.Wrong("url", err.Error())
	}
	for name, endpoint := range map[string]string{"coc-endpoint": c.cocEndpoint, "iam-endpoint": c.iamEndpoint} {
		if endpoint == "" {
			continue
		}
		if _, err := huawei.ParseEndpoint(endpoint); err != nil {
			return settings.Wrong(name, err.Error())
		}
	}
	if err := c.checkMissing(); err != nil {
		return err
	}
	for _, check := range []func() error{c.checkService, c.oidc.check, c.notices.check} {
		if err := check(); err != nil {
			return err
		}
	}
	if err := c.checkDatabase(); err != nil {
		return err
	}
	if u, err := url.Parse(c.anchorWebhook); c.anchorWebhook != "" &&
		(err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		// it may hold a secret: not repeated
		return settings.Wrong("anchor-webhook", "this is not an http or https address")
	}
	if c.data == "" {
		return settings.Wrong("data", "a folder is needed")
	}
	if err := c.checkDemo(); err != nil {
		return err
	}
	return c.checkTimes()
}

func (c config) checkDatabase() error {
	if c.database == "" && c.databasePasswordFile != "" {
		return settings.Wrong("database-password-file", "goes with --database")
	}
	return auditcmd.CheckDatabase(c.database)
}

// checkService checks the user that looks at tickets in the console's own name.
func (c config) checkService() error {
	if (c.serviceUser == "") != (c.servicePasswordFile == "") {
		return settings.Wrong("service-user", "--service-user and --service-password-file go together")
	}
	if c.serviceUser == "" {
		return nil
	}
	if account, user, ok := strings.Cut(c.serviceUser, "/"); !ok || account == "" || user == "" {
		return settings.Wrong("service-user", fmt.Sprintf("%q is not account/user", c.serviceUser))
	}
	if _, err := settings.ReadPassword(c.servicePasswordFile); err != nil {
		return settings.Wrong("service-password-file", err.Error())
	}
	return nil
}

func (c config) checkTimes() error {
	if !(c.userLimitFactor >= 0.1 && c.userLimitFactor <= 1000) {
		return settings.Wrong("user-limit-factor", fmt.Sprintf("%v is not from 0.1 to 1000", c.userLimitFactor))
	}
	if c.bulkRate <= 0 || c.bulkRate > 1000 {
		return settings.Wrong("bulk-rate", fmt.Sprintf("%v is not above 0 and up to 1000", c.bulkRate))
	}
	for name, d := range map[string]time.Duration{"session-idle-timeout": c.sessionIdle, "connect-timeout": c.connectTimeout,
		"call-timeout": c.callTimeout, "ticket-poll-interval": c.ticketPollInterval, "effect-timeout": c.effectTimeout, "live-poll-interval": c.livePollInterval} {
		if d <= 0 {
			return settings.Wrong(name, fmt.Sprintf("%v is not a time such as 30s or 5m", d))
		}
	}
	return nil
}
