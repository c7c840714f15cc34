package settings

import (
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// A list is a setting with several values, separated by commas or given in
// several flags.
type list struct {
	to    *[]string
	check func(string) error
	given bool
}

func (l *list) String() string { return strings.Join(*l.to, ",") }

// Type is what the completion of shells wants to know.
func (l *list) Type() string { return "list" }

// Set adds to the list; the first time it replaces the default.
func (l *list) Set(text string) error {
	parts := Split(text)
	for _, part := range parts {
		if l.check == nil {
			break
		}
		if err := l.check(part); err != nil {
			return err
		}
	}
	if !l.given {
		*l.to, l.given = nil, true
	}
	*l.to = append(*l.to, parts...)
	return nil
}

// Split splits a list at its commas.
func Split(text string) []string {
	var out []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// ListVar defines a list, each of whose values is checked; nil: is not.
func ListVar(f *pflag.FlagSet, to *[]string, name, usage string, check func(string) error) {
	f.Var(&list{to: to, check: check}, name, usage)
}

// PrefixesVar defines a list of addresses and CIDRs.
func PrefixesVar(f *pflag.FlagSet, to *[]netip.Prefix, name, usage string) {
	var texts []string
	f.Var(&list{to: &texts, check: func(text string) error {
		prefix, err := parsePrefix(text)
		if err != nil {
			return fmt.Errorf("%q is neither an address nor a CIDR", text)
		}
		*to = append(*to, prefix)
		return nil
	}}, name, usage)
}

func parsePrefix(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	return p.Masked(), err
}

// A Choice is one of a few words.
type Choice struct {
	to    *string
	words []string
}

// A Chosen is one of a few words, which shells complete.
type Chosen interface{ Words() []string }

// Words implements Chosen.
func (c *Choice) Words() []string { return c.words }

func (c *Choice) String() string { return *c.to }

// Type is what the completion of shells wants to know.
func (c *Choice) Type() string { return "choice" }

// Set refuses other words.
func (c *Choice) Set(text string) error {
	if !slices.Contains(c.words, text) {
		return fmt.Errorf("%q is not %s", text, OneOf(c.words))
	}
	*c.to = text
	return nil
}

// ChoiceVar defines a setting that has the first of the words unless it is given.
func ChoiceVar(f *pflag.FlagSet, to *string, name, usage string, words ...string) {
	*to = words[0]
	f.Var(&Choice{to, words}, name, usage)
}

// maxDays is more than anybody keeps anything.
const maxDays = 36_500

// Days is a time of whole days, such as 400d; empty: none.
type Days struct{ To *time.Duration }

func (d Days) String() string {
	if d.To == nil || *d.To == 0 {
		return ""
	}
	return strconv.FormatInt(int64(*d.To/(24*time.Hour)), 10) + "d"
}

// Type is what the completion of shells wants to know.
func (d Days) Type() string { return "days" }

// Set reads a number of days.
func (d Days) Set(text string) error {
	if text == "" {
		*d.To = 0
		return nil
	}
	number, isDays := strings.CutSuffix(text, "d")
	n, err := strconv.Atoi(number)
	if err != nil || !isDays || n < 1 || n > maxDays {
		return fmt.Errorf("%q is not a number of days such as 400d", text)
	}
	*d.To = time.Duration(n) * 24 * time.Hour
	return nil
}

// A Level is that of the console's own log.
type Level struct{ To *slog.Level }

func (l Level) String() string { return strings.ToLower(l.To.String()) }

// Words implements Chosen.
func (l Level) Words() []string { return []string{"debug", "info", "warn", "error"} }

// Type is what the completion of shells wants to know.
func (l Level) Type() string { return "level" }

// Set reads its name.
func (l Level) Set(text string) error {
	if err := l.To.UnmarshalText([]byte(text)); err != nil {
		return fmt.Errorf("%q is not %s", text, OneOf(l.Words()))
	}
	return nil
}
