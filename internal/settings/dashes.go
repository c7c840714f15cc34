package settings

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// WithTwoDashes writes long flags with two dashes, which may have been given
// with one before the command line was Cobra's. To be removed after 0.1.
func WithTwoDashes(root *cobra.Command, args []string) []string {
	out, at, i := append([]string{}, args...), root, 0
	for ; i < len(args); i++ {
		next, _, err := at.Find(args[i : i+1])
		if strings.HasPrefix(args[i], "-") || err != nil || next == at {
			break
		}
		at = next
	}
	lookup := func(name string) *pflag.Flag {
		if f := at.Flags().Lookup(name); f != nil {
			return f
		}
		return root.PersistentFlags().Lookup(name)
	}
	for ; i < len(args) && args[i] != "--"; i++ {
		name, _, hasValue := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		if !strings.HasPrefix(args[i], "-") || name == "" {
			continue
		}
		flag := lookup(name)
		if flag == nil && name != "help" {
			continue
		}
		if !strings.HasPrefix(args[i], "--") && len(name) > 1 {
			out[i] = "-" + args[i]
		}
		if flag != nil && !hasValue && flag.NoOptDefVal == "" {
			i++ // its value
		}
	}
	return out
}
