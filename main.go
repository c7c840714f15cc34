// Coc-console is a web console for the script service tickets of Huawei Cloud
// COC: it finds a ticket, shows what runs where, applies the five operations
// with care, and keeps an audit log of all of it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // readers' time zones, also where the machine has none

	"coc-console/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := cli.Run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "coc-console:", err)
		os.Exit(cli.StatusOf(err))
	}
}
