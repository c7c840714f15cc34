// Coc-console is a web console for the script service tickets of Huawei Cloud
// COC: it finds a ticket, shows what runs where, applies the five operations
// with care, and keeps an audit log of all of it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // readers' time zones, also where the machine has none
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "coc-console:", err)
		os.Exit(statusOf(err))
	}
}

// run is the program: the command, its settings, what it prints and what it
// logs. It returns when the context ends or the command is done.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	command := "serve"
	if len(args) > 0 && len(args[0]) > 0 && args[0][0] != '-' {
		command, args = args[0], args[1:]
	}
	switch command {
	case "serve":
		cfg, err := parseConfig(args, getenv)
		if errors.Is(err, errHelp) {
			_, err = io.WriteString(stdout, help())
			return err
		}
		if err != nil {
			return err
		}
		return serve(ctx, cfg, stdout, stderr)
	case "simulate":
		return runSimulate(ctx, args, getenv, stdout, stderr)
	case "audit":
		return runAudit(ctx, args, getenv, stdout, stderr)
	case "backup":
		return runBackup(ctx, args, getenv, stdout, stderr)
	case "restore":
		return runRestore(ctx, args, getenv, stdout, stderr)
	case "policy":
		return runPolicy(args, getenv, stdout)
	case "version":
		_, err := fmt.Fprintln(stdout, version())
		return err
	case "help":
		_, err := io.WriteString(stdout, help())
		return err
	}
	return fmt.Errorf("there is no command %q; see coc-console help", command)
}

// version is the module's version, the commit it was built from, and Go's.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "coc-console (unknown build)"
	}
	v, commit, changed := info.Main.Version, "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = " " + s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = " (changed)"
		}
	}
	if v == "" {
		v = "(devel)"
	}
	return "coc-console " + v + commit + changed + " " + info.GoVersion
}
