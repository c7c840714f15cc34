package settings

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// helpWidth is what a terminal has at least.
const helpWidth = 80

// Describe lists flags with their variables and defaults.
func Describe(b *strings.Builder, set *pflag.FlagSet) {
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		name, usage := Usage(f)
		if f.NoOptDefVal != "" {
			name = ""
		}
		short := ""
		if f.Shorthand != "" {
			short = "-" + f.Shorthand + ", "
		}
		fmt.Fprintf(b, "  %s", strings.TrimSpace(short+"--"+f.Name+" "+name))
		if variables := f.Annotations[VariableOf]; len(variables) > 0 {
			fmt.Fprintf(b, "    %s", variables[0])
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" {
			usage += ". Default: " + f.DefValue
		}
		fmt.Fprintf(b, "\n%s", Wrapped(usage+".", "      "))
	})
}

// Usage is what the value of a flag is called, and what the flag means.
func Usage(f *pflag.Flag) (value, usage string) {
	value, usage = pflag.UnquoteUsage(f)
	if value != "" && value != "URL" {
		usage = strings.Replace(usage, value, strings.ToLower(value), 1)
	}
	return value, usage
}

// Paragraphs breaks each paragraph of a text into lines.
func Paragraphs(text string) string {
	all := strings.Split(text, "\n\n")
	for i, one := range all {
		all[i] = Wrapped(one, "")
	}
	return strings.Join(all, "\n")
}

// Wrapped breaks a text into lines that begin with indent.
func Wrapped(text, indent string) string {
	var b strings.Builder
	line := indent
	for i, word := range strings.Fields(text) {
		if i > 0 && len(line)+1+len(word) > helpWidth {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	return b.String() + line + "\n"
}
