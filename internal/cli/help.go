package cli

import (
	"fmt"
	"strings"

	"coc-console/internal/settings"

	"github.com/spf13/cobra"
)

// printHelp is what --help prints of a command.
func printHelp(c *cobra.Command, _ []string) {
	var b strings.Builder
	text := c.Long
	if text == "" {
		text = c.Short + "."
	}
	fmt.Fprintf(&b, "%s\nUsage:\n", settings.Paragraphs(text))
	if c.Runnable() && !isGroup(c) {
		fmt.Fprintf(&b, "  %s\n", c.UseLine())
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s COMMAND [flags]\n\nCommands:\n", c.CommandPath())
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() || sub.Name() == "help" {
				lines := settings.Wrapped(sub.Short, strings.Repeat(" ", 17))
				fmt.Fprintf(&b, "  %-14s %s", sub.Name(), strings.TrimLeft(lines, " "))
			}
		}
	}
	if c.Example != "" {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", c.Example)
	}
	c.InitDefaultHelpFlag()
	if c.LocalFlags().HasAvailableFlags() || c.HasInheritedFlags() {
		b.WriteString("\nFlags:\n")
		settings.Describe(&b, c.LocalFlags())
		settings.Describe(&b, c.InheritedFlags())
	}
	fmt.Fprint(c.OutOrStdout(), b.String())
}

// isGroup reports whether a command does nothing without one of its commands.
func isGroup(c *cobra.Command) bool { return c.HasParent() && c.HasSubCommands() }
