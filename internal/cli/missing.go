package cli

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"coc-console/internal/settings"
	"coc-console/internal/sockets"
)

// sites are the pairs of endpoints that docs/operations.md has.
var sites = []struct{ coc, iam string }{
	{"https://coc.myhuaweicloud.com", "https://iam.myhuaweicloud.com"},
	{"https://coc-intl.myhuaweicloud.com", "https://iam.ap-southeast-3.myhuaweicloud.com"},
	{"https://coc-eu-west-101-open-api.myhuaweicloud.eu", "https://iam.eu-west-101.myhuaweicloud.eu"},
}

// missingSetting is one that a console on the real COC needs and doesn't have.
type missingSetting struct{ name, example, why string }

// isReal reports whether the settings are those of a console on the real COC: one has no place on the simulator.
func (c config) isReal() bool {
	return c.cocEndpoint != "" || c.iamEndpoint != "" || len(c.accounts) > 0 || !sockets.IsTCP(c.listen) ||
		!settings.OnLoopback(c.listen)
}

// missing are the settings that a console on the real COC lacks.
func (c config) missing() (all []missingSetting) {
	if !c.isReal() {
		return nil
	}
	site := sites[0]
	for _, s := range sites {
		if strings.TrimSuffix(c.cocEndpoint, "/") == s.coc || strings.TrimSuffix(c.iamEndpoint, "/") == s.iam {
			site = s
		}
	}
	if c.cocEndpoint == "" {
		all = append(all, missingSetting{"coc-endpoint", site.coc, "where COC is, of the same site as IAM"})
	}
	if c.iamEndpoint == "" {
		all = append(all, missingSetting{"iam-endpoint", site.iam, "where IAM is, of the same site as COC"})
	}
	if len(c.accounts) == 0 {
		all = append(all, missingSetting{"accounts", "d78cbac186b744899480f25bd022f000",
			"whose people may sign in, best by IDs (IAM console, My Credentials): otherwise anybody with an account of the cloud could"})
	}
	if sockets.IsTCP(c.listen) && c.checkExposed(c.listen) != nil {
		all = append(all, missingSetting{"tls-cert", "/etc/coc-console/tls/cert.pem",
			"other machines reach " + c.listen + ", and passwords must not travel over plain http; or --trusted-proxies, where a proxy has TLS"},
			missingSetting{"tls-key", "/etc/coc-console/tls/key.pem", "the certificate's key"})
	}
	return all
}

// checkMissing says everything that is missing at once, with an example of each; in one line where it is one thing.
func (c config) checkMissing() error {
	missing := c.missing()
	switch {
	case len(missing) == 0:
		return nil
	case missing[0].name == "tls-cert":
		return c.checkExposed(c.listen)
	case len(missing) == 1:
		m := missing[0]
		return settings.Wrong(m.name, "is needed: "+m.why+". For example --"+m.name+" "+m.example)
	}
	var b strings.Builder
	fmt.Fprint(&b, "these settings are missing to serve people on the real COC:\n\n")
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, m := range missing {
		fmt.Fprintf(table, "  --%s\t%s\n", m.name, m.why)
	}
	fmt.Fprint(table, "\nFor example, in the file of --config, or as variables:\n\n")
	for _, m := range missing {
		fmt.Fprintf(table, "  %s: %s\t%s=%s\n", m.name, m.example, settings.Variable(m.name), m.example)
	}
	_ = table.Flush() // into memory
	b.WriteString("\nThen `coc-console check` tries them. Without endpoints the console runs on its simulator, whose passwords everybody knows,\n" +
		"and serves this machine alone: that needs no settings, and a --listen on 127.0.0.1 without proxies.")
	return errors.New(b.String())
}
