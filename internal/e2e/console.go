// Package e2e starts whole consoles for tests: its folder system tests them from outside as programs, and its folder
// browser with a real browser.
package e2e

import (
	"bytes"
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"coc-console/internal/cli"
)

// StartTimeout is how long a console may take until it prints its address, on a busy machine and with the race
// detector.
const StartTimeout = 60 * time.Second

const addressLine = "COC console: "

// Output keeps what a console writes and tells when its address is there.
type Output struct {
	// Address gets the first address that is printed.
	Address chan string

	mu    sync.Mutex
	text  bytes.Buffer
	found bool
}

// NewOutput is one to which nothing was written.
func NewOutput() *Output { return &Output{Address: make(chan string, 1)} }

func (o *Output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(b)
	for line := range strings.Lines(o.text.String()) {
		if url, ok := strings.CutPrefix(line, addressLine); ok && !o.found && strings.HasSuffix(line, "\n") {
			o.found = true
			o.Address <- strings.TrimSpace(url)
		}
	}
	return len(b), nil
}

func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// Console is one that runs within the test.
type Console struct {
	URL            string
	Stdout, Stderr *Output
	Stop           func() error // waits; the error is that of cli.Run
}

// Launch runs `coc-console serve` within the test, on a free port and with a data folder of its own unless args name
// others, and stops it at the test's end. Without endpoints among args it runs on the simulator inside it.
func Launch(t testing.TB, getenv func(string) string, args ...string) *Console {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c := &Console{Stdout: NewOutput(), Stderr: NewOutput()}
	ended := make(chan error, 1)
	args = append([]string{"serve", "--listen", "127.0.0.1:0", "--data", t.TempDir()}, args...)
	go func() { ended <- cli.Run(ctx, args, getenv, c.Stdout, c.Stderr) }()
	c.Stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Errorf("the console ended with %v\n%s", err, c.Stderr)
		}
	})
	select {
	case c.URL = <-c.Stdout.Address:
	case err := <-ended:
		ended <- nil
		t.Fatalf("the console did not start: %v\n%s", err, c.Stderr)
	case <-time.After(StartTimeout):
		t.Fatalf("the console did not print its address\n%s%s", c.Stdout, c.Stderr)
	}
	return c
}

// NoEnvironment is an environment in which nothing is set.
func NoEnvironment(string) string { return "" }

// Missing skips a test that lacks something, or fails it where all is said to be there.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("COC_CONSOLE_TEST_REQUIRE") == "1" {
		t.Fatal(what)
	}
	t.Skip(what)
}
