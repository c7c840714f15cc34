package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/migrations"
)

// config is everything that can be set. Flags win over environment variables,
// which win over the defaults.
type config struct {
	listen         string
	data, database string
	cocEndpoint    string
	iamEndpoint    string
	project        string
	userProfile    string
	managers       []string
	policy         string
	directory      string
	jobRate        float64
	sessionKeyFile string
	sessionIdle    time.Duration
	trustedProxies []netip.Prefix
	metricsListen  string
	development    bool

	auditKeyFile  string
	auditKeys     []string
	anchorFile    string
	anchorWebhook string

	connectTimeout time.Duration
	callTimeout    time.Duration
	poll           time.Duration
	observe        time.Duration
	watch          time.Duration

	logLevel  slog.Level
	logFormat string
}

// simulated says that there are no endpoints, so that the simulator runs inside.
func (c config) simulated() bool { return c.cocEndpoint == "" && c.iamEndpoint == "" }

// dsn is what the databases are opened with.
func (c config) dsn() string { return cmp.Or(c.database, c.data) }

const envPrefix = "COC_CONSOLE_"

// envName is the variable of a flag: --log-level is COC_CONSOLE_LOG_LEVEL.
func envName(flagName string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}

// settingError is one line that says which setting is wrong, and why.
type settingError struct{ name, why string }

func (e *settingError) Error() string { return "--" + e.name + ": " + e.why }

// errHelp says that the help was asked for, and printed.
var errHelp = errors.New("help")

// lists are the settings that are written as text and read into another type.
type lists struct{ managers, proxies, auditKeys, level string }

func flags(c *config, l *lists) *flag.FlagSet {
	f := flag.NewFlagSet("serve", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&c.listen, "listen", "127.0.0.1:8080", "`ADDRESS` to serve on; other than loopback needs --trusted-proxies")
	f.StringVar(&c.data, "data", "./coc-console-data", "`FOLDER` of audit.db, search.db, console.db and the keys")
	f.StringVar(&c.database, "database", "", "postgres://… `ADDRESS`, when several consoles share one log; empty: SQLite in the data folder")
	f.StringVar(&c.cocEndpoint, "coc-endpoint", "", "`URL` of COC, such as https://coc.myhuaweicloud.com; empty: the simulator runs inside")
	f.StringVar(&c.iamEndpoint, "iam-endpoint", "", "`URL` of IAM, such as https://iam.myhuaweicloud.com; goes with --coc-endpoint")
	f.StringVar(&c.project, "project", "cn-north-4", "`NAME` of the project or region that the sign-in page offers")
	f.StringVar(&c.userProfile, "user-profile", "", "`VALUE` sent to COC as x-user-profile; empty: not sent")
	f.StringVar(&l.managers, "managers", "", "`LIST` of account/user, or id: with an IAM user's id, who may read the whole audit log, separated by commas")
	f.StringVar(&c.policy, "policy", "", "`FILE` of Cedar policies in the place of the built-in ones; taken up when it changes")
	f.StringVar(&c.directory, "directory", "", "JSON `FILE` with the roles and teams that policies ask about; taken up when it changes")
	f.Float64Var(&c.jobRate, "job-rate", operate.DefaultJobRate, "`NUMBER` of operations a second that the jobs of one account send")
	f.StringVar(&c.sessionKeyFile, "session-key-file", "", "`FILE` with the key that seals the sessions, made when missing; default session.key in the data folder")
	f.DurationVar(&c.sessionIdle, "session-idle", 8*time.Hour, "`TIME` without use after which a session ends")
	f.StringVar(&l.proxies, "trusted-proxies", "", "`LIST` of addresses or CIDRs whose X-Forwarded-For and X-Forwarded-Proto are believed")
	f.StringVar(&c.metricsListen, "metrics-listen", "", "`ADDRESS` that serves /metrics to anybody who reaches it; empty: --listen serves it, to programs on this machine alone")
	f.BoolVar(&c.development, "development", false, "serve /design, which shows every component of the pages in every state, for those who change them")
	f.StringVar(&c.auditKeyFile, "audit-key-file", "", "`FILE` with the key that signs the audit log's checkpoints, made when missing; default audit.key in the data folder")
	f.StringVar(&l.auditKeys, "audit-keys", "", "`LIST` of public keys, besides that one, whose checkpoints are believed: former keys, or those of other consoles on the same log")
	f.StringVar(&c.anchorFile, "anchor-file", "", "`FILE` that gets every minute's checkpoint, best on another volume; the start refuses a log that does not continue it")
	f.StringVar(&c.anchorWebhook, "anchor-webhook", "", "`URL` to which every minute's checkpoint is posted")
	f.DurationVar(&c.connectTimeout, "connect-timeout", 5*time.Second, "`TIME` to connect to COC and IAM")
	f.DurationVar(&c.callTimeout, "call-timeout", 30*time.Second, "`TIME` for one call to COC or IAM")
	f.DurationVar(&c.poll, "poll", 5*time.Second, "`TIME` between two looks at a ticket after an operation")
	f.DurationVar(&c.observe, "observe", 3*time.Minute, "`TIME` for which the effect of an operation is waited for")
	f.DurationVar(&c.watch, "watch", 5*time.Second, "`TIME` between two readings of a ticket that runs while somebody looks at its page; what moves less is read less often")
	f.StringVar(&l.level, "log-level", "info", "`LEVEL` of the console's own log: debug, info, warn or error")
	f.StringVar(&c.logFormat, "log-format", "text", "`FORMAT` of the console's own log: text or json")
	return f
}

// parseConfig reads the flags behind the command, and the environment. Its
// errors are *settingError, or errHelp.
func parseConfig(args []string, getenv func(string) string) (config, error) {
	var c config
	var l lists
	f := flags(&c, &l)
	var bad error
	f.VisitAll(func(s *flag.Flag) {
		if v := getenv(envName(s.Name)); v != "" && bad == nil {
			if err := f.Set(s.Name, v); err != nil {
				bad = &settingError{s.Name, fmt.Sprintf("%s has the wrong value %q: %v", envName(s.Name), v, err)}
			}
		}
	})
	if bad != nil {
		return config{}, bad
	}
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return config{}, errHelp
	case err != nil:
		return config{}, errors.New(strings.ReplaceAll(err.Error(), "flag provided but not defined: -", "there is no setting --"))
	case f.NArg() > 0:
		return config{}, fmt.Errorf("there is no command or setting %q; see --help", f.Arg(0))
	}
	if err := c.complete(l); err != nil {
		return config{}, err
	}
	return c, c.check()
}

// complete reads the settings that are lists or names.
func (c *config) complete(l lists) error {
	for _, m := range split(l.managers) {
		if err := policy.CheckMember(m); err != nil {
			return &settingError{"managers", err.Error()}
		}
		c.managers = append(c.managers, m)
	}
	for _, p := range split(l.proxies) {
		prefix, err := parsePrefix(p)
		if err != nil {
			return &settingError{"trusted-proxies", fmt.Sprintf("%q is neither an address nor a CIDR", p)}
		}
		c.trustedProxies = append(c.trustedProxies, prefix)
	}
	if err := c.logLevel.UnmarshalText([]byte(l.level)); err != nil {
		return &settingError{"log-level", fmt.Sprintf("%q is not debug, info, warn or error", l.level)}
	}
	if c.sessionKeyFile == "" {
		c.sessionKeyFile = filepath.Join(c.data, "session.key")
	}
	if c.auditKeyFile == "" {
		c.auditKeyFile = filepath.Join(c.data, "audit.key")
	}
	c.auditKeys = split(l.auditKeys)
	if c.simulated() && len(c.managers) == 0 {
		c.managers = []string{"demo/manager"}
	}
	return nil
}

func split(list string) []string {
	var out []string
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

func parsePrefix(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	return p.Masked(), err
}

// checkListen checks where the console and its metrics are served.
func (c config) checkListen() error {
	host, _, err := net.SplitHostPort(c.listen)
	if err != nil {
		return &settingError{"listen", fmt.Sprintf("%q is not an address such as 127.0.0.1:8080", c.listen)}
	}
	ip := net.ParseIP(host)
	if host != "localhost" && (ip == nil || !ip.IsLoopback()) && len(c.trustedProxies) == 0 {
		return &settingError{"listen", fmt.Sprintf("%q is reached from other machines, and passwords must not travel over "+
			"plain http: put a proxy with TLS in front and name it in --trusted-proxies", c.listen)}
	}
	if _, _, err := net.SplitHostPort(c.metricsListen); c.metricsListen != "" && err != nil {
		return &settingError{"metrics-listen", fmt.Sprintf("%q is not an address such as 127.0.0.1:9090", c.metricsListen)}
	}
	return nil
}

func (c config) check() error {
	if err := c.checkListen(); err != nil {
		return err
	}
	if (c.cocEndpoint == "") != (c.iamEndpoint == "") {
		return &settingError{"coc-endpoint", "--coc-endpoint and --iam-endpoint go together: give both, or none for the simulator"}
	}
	for name, endpoint := range map[string]string{"coc-endpoint": c.cocEndpoint, "iam-endpoint": c.iamEndpoint} {
		if endpoint == "" {
			continue
		}
		if _, err := coc.ParseEndpoint(endpoint); err != nil {
			return &settingError{name, err.Error()}
		}
	}
	if c.database != "" && !migrations.IsPostgres(c.database) {
		return &settingError{"database", "this is not a postgres:// address"} // it may hold a password: not repeated
	}
	if u, err := url.Parse(c.anchorWebhook); c.anchorWebhook != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return &settingError{"anchor-webhook", "this is not an http or https address"} // it may hold a secret: not repeated
	}
	if c.data == "" {
		return &settingError{"data", "a folder is needed"}
	}
	if c.logFormat != "text" && c.logFormat != "json" {
		return &settingError{"log-format", fmt.Sprintf("%q is not text or json", c.logFormat)}
	}
	return c.checkTimes()
}

func (c config) checkTimes() error {
	if c.jobRate <= 0 || c.jobRate > 1000 {
		return &settingError{"job-rate", fmt.Sprintf("%v is not above 0 and up to 1000", c.jobRate)}
	}
	for name, d := range map[string]time.Duration{"session-idle": c.sessionIdle, "connect-timeout": c.connectTimeout,
		"call-timeout": c.callTimeout, "poll": c.poll, "observe": c.observe, "watch": c.watch} {
		if d <= 0 {
			return &settingError{name, fmt.Sprintf("%v is not a time such as 30s or 5m", d)}
		}
	}
	return nil
}

// help is what --help prints.
func help() string {
	var b strings.Builder
	b.WriteString(`coc-console: a web console for the script service tickets of Huawei Cloud COC.

  coc-console [serve] [settings]   start the console
  coc-console simulate [settings]  start the simulator of IAM and COC alone, for any client
  coc-console audit COMMAND        verify the audit log, export it, follow it; the commands are below
  coc-console policy check         check files of policies and of the directory
  coc-console policy explain       say what would happen to an operation, and which policy decides
  coc-console backup FILE          write the audit log into one file, while the console runs, and verify it
  coc-console restore FILE         verify such a file and put it into the place of the log; the console is stopped
  coc-console version              print the version
  coc-console help                 print this

Without --coc-endpoint and --iam-endpoint the console runs on a simulator inside it: nothing real is
touched, and the start prints how to sign in.

Settings; each has an environment variable, which a flag overrides:
`)
	var c config
	var l lists
	describe(&b, flags(&c, &l), envName)
	describeAudit(&b)
	b.WriteString("\nSettings of policy:\n")
	describe(&b, policyFlags(&policyConfig{}), envOf("policy", "directory", "managers"))
	b.WriteString(`
Settings of backup and restore. The file is the log alone: not the keys, not the sessions and one-time keys
(console.db), nothing derived (search.db):
`)
	describe(&b, backupFlags("backup", &backupConfig{}), backupVariable)
	b.WriteString("\nSettings of simulate:\n")
	describe(&b, simulateFlags(&simulateConfig{}), simulateEnvName)
	return b.String()
}

// envOf names the variables of those flags that have one.
func envOf(names ...string) func(string) string {
	return func(name string) string {
		if slices.Contains(names, name) {
			return envName(name)
		}
		return ""
	}
}

// describe lists flags with their variables.
func describe(b *strings.Builder, f *flag.FlagSet, variable func(string) string) {
	f.VisitAll(func(f *flag.Flag) {
		name, usage := flag.UnquoteUsage(f)
		fmt.Fprintf(b, "\n  %s    %s\n      %s.", strings.TrimSpace("--"+f.Name+" "+name), variable(f.Name), usage)
		if f.DefValue != "" {
			fmt.Fprintf(b, " Default: %s.", f.DefValue)
		}
		b.WriteString("\n")
	})
}
