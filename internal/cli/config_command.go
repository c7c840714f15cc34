package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"coc-console/internal/cli/output"
	"coc-console/internal/settings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// settingLine is a setting as config prints it.
type settingLine struct {
	Setting string `json:"setting"`
	Value   string `json:"value"`
	settings.Origin
}

// configCommand prints the settings that are in force: the console's, which it
// takes as flags, too, and those of the groups of commands.
func (p *commandLine) configCommand() *cobra.Command {
	var cfg config
	var format string
	s := consoleSettings(&cfg)
	output.FormatOption(s, &format)
	c := &cobra.Command{
		Use: "config", Short: "Print the settings in force, and where each comes from",
		Long: "Print the settings in force, and where each comes from: flag, variable, file or default. Passwords and keys are hidden.\n" +
			"It takes the flags of serve. The exit status is 1 when serve would refuse the settings.",
		Example: "  coc-console config --config /etc/coc-console.yaml\n  COC_CONSOLE_LISTEN=127.0.0.1:9000 coc-console config --format json",
	}
	return p.command(c, s, func(context.Context, []string) error {
		cfg.complete()
		lines := linesOf(s)
		for _, other := range p.settings {
			if other.Group == "" {
				continue
			}
			if err := other.Resolve(p.getenv, p.file); err != nil {
				return err
			}
			lines = append(lines, slices.DeleteFunc(linesOf(other), func(l settingLine) bool {
				return slices.ContainsFunc(lines, func(there settingLine) bool { return there.Setting == l.Setting })
			})...)
		}
		return errors.Join(output.Print(p.stdout, format, map[string]any{"file": p.configFile, "settings": lines},
			func() string { return tableOf(lines) }),
			cfg.check())
	})
}

func linesOf(s *settings.Set) []settingLine {
	var lines []settingLine
	s.Each(func(f *pflag.Flag, key string) { lines = append(lines, settingLine{key, s.Shown(f), s.Origin(f)}) })
	return lines
}

func tableOf(lines []settingLine) string {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, l := range lines {
		value := l.Value
		if value == "" {
			value = "-"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", l.Setting, printable(value), strings.TrimSpace(l.Source+" "+l.From))
	}
	_ = table.Flush() // into memory
	return b.String()
}
