package system

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"coc-console/internal/cli"
	"coc-console/internal/e2e"
)

// childVariable makes the test binary the console itself.
const childVariable = "COC_CONSOLE_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		err := cli.Run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
		stop()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(cli.StatusOf(err))
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// process is a console that runs as a process of its own.
type process struct {
	url            string
	stdout, stderr *e2e.Output
	cmd            *exec.Cmd
	t              testing.TB
	wait           func() error
	ended          chan struct{}
}

// startProcess starts a console as a child process, so that it can be killed.
// args are those of e2e.Launch; --data must be among them where the data is
// to outlive the process. It is killed at the test's end at the latest.
func startProcess(t testing.TB, args ...string) *process {
	t.Helper()
	p := spawn(t, args...)
	p.ready()
	return p
}

// spawn is startProcess for a console that is not waited for until ready.
func spawn(t testing.TB, args ...string) *process {
	t.Helper()
	return spawnWith(t, func(*exec.Cmd) {}, args...)
}

// spawnWith is spawn for a process that change prepares.
func spawnWith(t testing.TB, change func(*exec.Cmd), args ...string) *process {
	t.Helper()
	args = append([]string{"serve", "--listen", "127.0.0.1:0", "--data", t.TempDir()}, args...)
	p := &process{t: t, stdout: e2e.NewOutput(), stderr: e2e.NewOutput(), cmd: exec.CommandContext(context.Background(), os.Args[0], args...)}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "COC_CONSOLE_") {
			p.cmd.Env = append(p.cmd.Env, v)
		}
	}
	p.cmd.Env = append(p.cmd.Env, childVariable+"=1")
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	change(p.cmd)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.wait = sync.OnceValue(p.cmd.Wait)
	t.Cleanup(p.kill)
	p.ended = make(chan struct{})
	go func() { _ = p.wait(); close(p.ended) }() // whoever stops it looks at the error
	return p
}

// ready waits until the console serves.
func (p *process) ready() {
	p.t.Helper()
	select {
	case p.url = <-p.stdout.Address:
	case <-p.ended:
		p.t.Fatalf("the console did not start: %v\n%s", p.wait(), p.stderr)
	case <-time.After(e2e.StartTimeout):
		p.t.Fatalf("the console did not print its address\n%s%s", p.stdout, p.stderr)
	}
}

// kill ends the process at once, as kill -9 does.
func (p *process) kill() {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Error(err)
	}
	_ = p.wait() // "signal: killed"
}

// stop ends the process in an orderly way.
func (p *process) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	if err := p.wait(); err != nil {
		p.t.Errorf("the console ended with %v\n%s", err, p.stderr)
	}
}

// lines splits text that a command has printed.
func lines(text string) []string {
	var all []string
	for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); {
		all = append(all, s.Text())
	}
	return all
}

// onlyInWhole leaves a test out of the short run, which is the race detector's: it starts one console after the other,
// and what runs at the same time in each of them is tested where it stands.
func onlyInWhole(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("consoles one after the other: in the whole run only")
	}
}
