package cli

import (
	"context"
	"fmt"
	"runtime/debug"

	"coc-console/internal/cli/output"
	"coc-console/internal/settings"

	"github.com/spf13/cobra"
	"golang.org/x/mod/module"
)

// defaultVersion is that of a build that does not know its own.
const defaultVersion = "0.1.0"

// A build is what version prints.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Changed bool   `json:"changed,omitempty"` // there were changes that are in no commit
	Go      string `json:"go"`
}

// thisBuild reads it from the binary.
func thisBuild() build {
	b := build{Version: defaultVersion}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := info.Main.Version; v != "" && v != "(devel)" && !module.IsPseudoVersion(v) {
		b.Version = v
	}
	b.Go = info.GoVersion
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.modified":
			b.Changed = s.Value == "true"
		}
	}
	return b
}

func (b build) String() string {
	text := "coc-console " + b.Version
	if b.Commit != "" {
		text += " commit " + b.Commit[:min(12, len(b.Commit))]
	}
	if b.Changed {
		text += " (changed)"
	}
	return text + " " + b.Go + "\n"
}

func (p *commandLine) versionCommand() *cobra.Command {
	var format string
	s := settings.New("")
	output.FormatOption(s, &format)
	c := &cobra.Command{Use: "version", Short: "Print the version, the commit it was built from, and Go's",
		Example: "  coc-console version --format json"}
	return p.command(c, s, func(context.Context, []string) error {
		return output.Print(p.stdout, format, thisBuild(), thisBuild().String)
	})
}

// completionCommand prints what makes a shell complete the commands.
func (p *commandLine) completionCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "completion", Short: "Print a script that makes bash, zsh or fish complete commands and flags",
		Example: "  source <(coc-console completion bash)\n  coc-console completion zsh > \"${fpath[1]}/_coc-console\"\n" +
			"  coc-console completion fish > ~/.config/fish/completions/coc-console.fish",
	}
	shell := func(name string, write func() error) *cobra.Command {
		return p.command(&cobra.Command{Use: name, Short: fmt.Sprintf("Print the script for %s", name)}, nil,
			func(context.Context, []string) error { return write() })
	}
	return p.group(c,
		shell("bash", func() error { return c.Root().GenBashCompletionV2(p.stdout, true) }),
		shell("zsh", func() error { return c.Root().GenZshCompletion(p.stdout) }),
		shell("fish", func() error { return c.Root().GenFishCompletion(p.stdout, true) }))
}
