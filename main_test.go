package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// childVariable makes the test binary the console itself.
const childVariable = "COC_CONSOLE_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
		stop()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(statusOf(err))
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// startTimeout is how long a console may take until it prints its address, on
// a busy machine and with the race detector.
const startTimeout = 60 * time.Second

const addressLine = "COC console: "

// output keeps what a console writes and tells when its address is there.
type output struct {
	mu      sync.Mutex
	text    bytes.Buffer
	address chan string // gets the first address
	found   bool
}

func newOutput() *output { return &output{address: make(chan string, 1)} }

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(b)
	for line := range strings.Lines(o.text.String()) {
		if url, ok := strings.CutPrefix(line, addressLine); ok && !o.found && strings.HasSuffix(line, "\n") {
			o.found = true
			o.address <- strings.TrimSpace(url)
		}
	}
	return len(b), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// console is one that runs within the test.
type console struct {
	url            string
	stdout, stderr *output
	stop           func() error // waits; the error is that of run
}

// launch runs `coc-console serve` within the test, on a free port and with a
// data folder of its own unless args name others, and stops it at the test's
// end.
func launch(t testing.TB, getenv func(string) string, args ...string) *console {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c := &console{stdout: newOutput(), stderr: newOutput()}
	ended := make(chan error, 1)
	args = append([]string{"serve", "--listen", "127.0.0.1:0", "--data", t.TempDir()}, args...)
	go func() { ended <- run(ctx, args, getenv, c.stdout, c.stderr) }()
	c.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() {
		if err := c.stop(); err != nil {
			t.Errorf("the console ended with %v\n%s", err, c.stderr)
		}
	})
	select {
	case c.url = <-c.stdout.address:
	case err := <-ended:
		ended <- nil
		t.Fatalf("the console did not start: %v\n%s", err, c.stderr)
	case <-time.After(startTimeout):
		t.Fatalf("the console did not print its address\n%s%s", c.stdout, c.stderr)
	}
	return c
}

func noEnvironment(string) string { return "" }

// startConsole starts a console within the test and returns its base address,
// such as http://127.0.0.1:41234. Without endpoints among args it runs on the
// simulator inside it. It listens on a free port, keeps its data in a folder
// that goes with the test, and is stopped at the test's end.
func startConsole(t testing.TB, args ...string) string {
	t.Helper()
	return launch(t, noEnvironment, args...).url
}

// process is a console that runs as a process of its own.
type process struct {
	url            string
	stdout, stderr *output
	cmd            *exec.Cmd
	t              testing.TB
	wait           func() error
	ended          chan struct{}
}

// startProcess starts a console as a child process, so that it can be killed.
// args are those of startConsole; --data must be among them where the data is
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
	args = append([]string{"serve", "--listen", "127.0.0.1:0", "--data", t.TempDir()}, args...)
	p := &process{t: t, stdout: newOutput(), stderr: newOutput(), cmd: exec.CommandContext(context.Background(), os.Args[0], args...)}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, envPrefix) {
			p.cmd.Env = append(p.cmd.Env, v)
		}
	}
	p.cmd.Env = append(p.cmd.Env, childVariable+"=1")
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
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
	case p.url = <-p.stdout.address:
	case <-p.ended:
		p.t.Fatalf("the console did not start: %v\n%s", p.wait(), p.stderr)
	case <-time.After(startTimeout):
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

var _ io.Writer = (*output)(nil)

// lines splits text that a command has printed.
func lines(text string) []string {
	var all []string
	for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); {
		all = append(all, s.Text())
	}
	return all
}
