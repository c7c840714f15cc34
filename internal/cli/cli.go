// Package cli is the command line: its commands, their settings, and the
// console that serve puts together.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"coc-console/internal/cli/auditcmd"
	"coc-console/internal/cli/policycmd"
	"coc-console/internal/settings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// commandLine is one call of the program: what it was given, and its commands.
type commandLine struct {
	getenv         func(string) string
	stdout, stderr io.Writer
	configFile     string
	file           settings.File
	settings       []*settings.Set // of all commands
}

// Run is the program: the command, its settings, what it prints and what it
// logs. It returns when the context ends or the command is done.
func Run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	p := &commandLine{getenv: getenv, stdout: stdout, stderr: stderr}
	root := p.commands()
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetArgs(settings.WithTwoDashes(root, args))
	command, err := root.ExecuteContextC(ctx)
	switch {
	case err == nil || group(command) != "audit":
		return err //nolint:wrapcheck // it is the command's own
	case auditcmd.IsWrong(err):
		return &statusError{statusWrong, err}
	}
	return &statusError{statusFailed, err}
}

// commands is the tree of the commands. Without one, the console is served.
func (p *commandLine) commands() *cobra.Command {
	root := p.rootCommand()
	root.CompletionOptions.DisableDefaultCmd = true // completionCommand has no PowerShell
	root.PersistentFlags().StringVar(&p.configFile, "config", "", "`FILE` of settings in YAML, whose keys are the flags' names")
	_ = root.MarkPersistentFlagFilename("config", "yaml", "yml") // the flag is there
	root.SetFlagErrorFunc(flagError)
	root.SetHelpFunc(printHelp)
	root.AddCommand(p.serveCommand(), p.simulateCommand(), p.checkCommand(), p.onLog().Audit(), p.backupCommand(),
		p.restoreCommand(), p.onPolicies().Policy(p.onLog().Replay()), p.sessionsCommand(), p.configCommand(),
		p.versionCommand(), p.completionCommand())
	return root
}

// onLog has the commands on the audit log.
func (p *commandLine) onLog() auditcmd.Program {
	return auditcmd.Program{Stdout: p.stdout, Stderr: p.stderr, Group: p.group, Command: p.command, OneFile: oneFile,
		Operator: operator}
}

// onPolicies has the commands on policies.
func (p *commandLine) onPolicies() policycmd.Program {
	return policycmd.Program{Stdout: p.stdout, Group: p.group, Command: p.command}
}

// command completes a command: its flags, the other sources of its settings,
// and what it does with them. No settings are nil.
func (p *commandLine) command(c *cobra.Command, s *settings.Set,
	run func(ctx context.Context, args []string) error) *cobra.Command {
	c.SilenceErrors, c.SilenceUsage = true, true
	if c.Args == nil {
		c.Args = noArguments
	}
	c.ValidArgsFunction = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveNoFileComp)
	if s != nil {
		s.Define(c.Flags())
		completeChoices(c)
		p.settings = append(p.settings, s)
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		if s != nil {
			var err error
			if p.file, err = p.readConfigFile(); err != nil {
				return settings.Wrong("config", err.Error())
			}
			if err = s.Resolve(p.getenv, p.file); err != nil {
				return err
			}
		}
		return run(c.Context(), args)
	}
	return c
}

// readConfigFile reads the file that is named by flag or variable.
func (p *commandLine) readConfigFile() (settings.File, error) {
	if p.configFile == "" {
		p.configFile = p.getenv(settings.Variable("config"))
	}
	if p.configFile == "" {
		return settings.File{}, nil
	}
	return settings.ReadFile(p.configFile, p.settings)
}

// group completes a command that has commands and does nothing itself.
func (p *commandLine) group(c *cobra.Command, commands ...*cobra.Command) *cobra.Command {
	var names []string
	for _, command := range commands {
		names = append(names, c.Name()+" "+command.Name())
	}
	c.SilenceErrors, c.SilenceUsage = true, true
	c.Args, c.FParseErrWhitelist.UnknownFlags = cobra.ArbitraryArgs, true // they are a missing command's
	c.RunE = func(c *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return fmt.Errorf("%s needs a command: %s; see %s --help", c.Name(), settings.OneOf(names), c.CommandPath())
		case args[0] == "help":
			return c.Help()
		}
		return noCommand(c, args[0])
	}
	c.AddCommand(commands...)
	return c
}

// group is the name of the command below the root that a command belongs to.
func group(c *cobra.Command) string {
	for ; c.HasParent(); c = c.Parent() {
		if !c.Parent().HasParent() {
			return c.Name()
		}
	}
	return ""
}

// completeChoices lets shells complete the words of choices.
func completeChoices(c *cobra.Command) {
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if choice, ok := f.Value.(settings.Chosen); ok {
			_ = c.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(choice.Words(),
				cobra.ShellCompDirectiveNoFileComp)) // it is there
		}
	})
}

// noCommand says that there is no such command, and which was meant.
func noCommand(c *cobra.Command, name string) error {
	name = withoutSecret(name)
	path := fmt.Sprintf("%q", name)
	if c.HasParent() {
		path = c.Name() + " " + name
	}
	if c.SuggestionsMinimumDistance == 0 {
		c.SuggestionsMinimumDistance = 2
	}
	if meant := c.SuggestionsFor(name); len(meant) > 0 {
		return fmt.Errorf("there is no command %s; did you mean %q? See coc-console help", path, strings.Join(meant, ", "))
	}
	return fmt.Errorf("there is no command %s; see coc-console help", path)
}

// noArguments refuses what is neither a command nor a flag.
func noArguments(c *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case !c.HasParent():
		return noCommand(c, args[0])
	}
	return fmt.Errorf("%s takes no argument %q; see %s --help", strings.TrimPrefix(c.CommandPath(), "coc-console "),
		withoutSecret(args[0]), c.CommandPath())
}

// oneFile is for commands that are told one file, which is read into to.
func oneFile(to *string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return fmt.Errorf("%s needs a file, and the file is missing; see %s --help", strings.TrimPrefix(c.CommandPath(), "coc-console "), c.CommandPath())
		}
		*to = args[0]
		return noArguments(c, args[1:])
	}
}

// withoutSecret is a stray argument as an error may repeat it: addresses may
// hold a secret.
func withoutSecret(argument string) string {
	if scheme, _, isAddress := strings.Cut(argument, "://"); isAddress {
		return scheme + "://…"
	}
	return argument
}

// flagError words what pflag says of a flag that it cannot read.
func flagError(c *cobra.Command, err error) error {
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		name := unknown.GetSpecifiedName()
		if short := unknown.GetSpecifiedShortnames(); short != "" {
			name = strings.TrimPrefix(strings.SplitN(short, "=", 2)[0], "-")
		}
		text := "there is no setting --" + name
		var known []string
		c.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
		if meant := settings.Closest(name, known); meant != "" {
			text += "; did you mean --" + meant + "?"
		}
		return errors.New(text)
	}
	if wrong, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return settings.Wrong(wrong.GetFlag().Name, settings.Plainly(wrong.Unwrap()))
	}
	if empty, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return settings.Wrong(empty.GetFlag().Name, "needs a value")
	}
	return err
}

// The statuses of the commands on the audit log.
const (
	statusWrong  = 1
	statusFailed = 2
)

// A statusError ends the program with a status of its own.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }

// Unwrap returns the error.
func (e *statusError) Unwrap() error { return e.err }

// StatusOf is the status with which an error of Run ends the program.
func StatusOf(err error) int {
	if e, ok := errors.AsType[*statusError](err); ok {
		return e.status
	}
	return 1
}
