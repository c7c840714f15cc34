package browser

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	goruntime "runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"coc-console/internal/e2e"
	"coc-console/internal/simulator"
)

// patience is how long a page may take to show what a test waits for. Pages ask again every 5 or 10 seconds, and up to
// 30 where a stream has failed several times.
const patience = 2 * time.Minute

// soon is when a live page shows what happened: 2 s are meant, and a busy machine has some more, but fewer than the 5
// after which a page without a stream asks.
const soon = 4 * time.Second

// findChromium is the browser's program, empty where there is none.
func findChromium() string {
	if path := os.Getenv("COC_CONSOLE_TEST_CHROMIUM"); path != "" {
		return path
	}
	for _, name := range []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// chrome is a running Chromium. Every tab that is opened in it has cookies and a cache of its own.
type chrome struct{ ctx context.Context }

// running starts the one Chromium of all tests, once one of them wants it.
var (
	running     = sync.OnceValues(func() (*chrome, error) { return runBrowser(findChromium()) })
	stopBrowser = func() {}
)

// TestMain ends the browser after all tests. They wait for pages more than they compute, so that more of them run at
// once than there are processors; -parallel says otherwise.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", strconv.Itoa(2*goruntime.GOMAXPROCS(0))); err != nil {
		panic(err)
	}
	code := m.Run()
	stopBrowser()
	os.Exit(code)
}

func startBrowser(t *testing.T) *chrome {
	t.Helper()
	if findChromium() == "" {
		e2e.Missing(t, "no Chromium: set COC_CONSOLE_TEST_CHROMIUM or install one as chromium-headless-shell, chromium, chromium-browser or google-chrome")
	}
	b, err := running()
	if err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	return b
}

func runBrowser(path string) (*chrome, error) {
	options := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.Headless, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck}
	for _, flag := range []string{"disable-quic", "disable-background-networking", "disable-component-update",
		"disable-sync", "disable-extensions", "disable-dev-shm-usage",
		// No tab is slowed down for another that stands before it.
		"disable-background-timer-throttling", "disable-backgrounding-occluded-windows", "disable-renderer-backgrounding"} {
		options = append(options, chromedp.Flag(flag, true))
	}
	allocator, cancelAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancelBrowser := chromedp.NewContext(allocator)
	stopBrowser = func() {
		cancelBrowser()
		cancelAllocator()
	}
	if err := chromedp.Do(ctx); err != nil {
		return nil, fmt.Errorf("run %s: %w", path, err)
	}
	return &chrome{ctx}, nil
}

// look is how a page is looked at. The zero value is a wide light window in English with scripts on.
type look struct {
	width, height int64
	dark          bool
	still         bool   // the reader's system asks for less motion: no page is half way to the next
	language      string // for Accept-Language; empty is en-US
	noScripts     bool
}

// tab is one page with cookies of its own. What its console, its content security policy or a script complains about
// fails the test.
type tab struct {
	*testing.T
	ctx      context.Context
	base     string
	look     look
	keyboard bool // links, buttons and fields are reached with keys alone

	mu       sync.Mutex
	problems []string
	received float64 // bytes
}

// open starts a tab on the console at base.
func (b *chrome) open(t *testing.T, base string, l look) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	return openTab(ctx, t, cancel, base, l)
}

// Second opens another tab of the same browser, with the same cookies.
func (t *tab) Second() *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(t.ctx)
	return openTab(ctx, t.T, cancel, t.base, t.look)
}

func openTab(ctx context.Context, t *testing.T, cancel context.CancelFunc, base string, l look) *tab {
	t.Helper()
	tb := &tab{T: t, ctx: ctx, base: base, look: l}
	t.Cleanup(func() {
		cancel()
		for _, p := range tb.problems {
			t.Error(p)
		}
	})
	if err := errors.Join(chromedp.Do(ctx), chromedp.Listen(ctx, tb.listen)); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	call(tb, cdplog.Enable, cdp.Empty{})
	call(tb, audits.Enable, cdp.Empty{})
	call(tb, network.Enable, network.EnableParams{})
	call(tb, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{
		Headers: network.Headers{"Accept-Language": json.RawMessage(`"` + cmp.Or(l.language, "en-US") + `"`)}})
	tb.Resize(cmp.Or(l.width, 1440), cmp.Or(l.height, 900))
	tb.Dark(l.dark)
	if l.noScripts {
		call(tb, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	}
	return tb
}

// call sends one command of the DevTools protocol.
func call[P, R any](t *tab, command cdp.Command[P, R], params P) R {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	answer, err := chromedp.Call(ctx, command, params)
	if err != nil {
		t.Fatalf("%s: %v", command.Method, err)
	}
	return answer
}

// listen collects complaints and counts bytes.
func (t *tab) listen(event any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	complain := func(format string, args ...any) { t.problems = append(t.problems, fmt.Sprintf(format, args...)) }
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		complain("exception: %s %s", e.ExceptionDetails.Text, description(e.ExceptionDetails.Exception))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeAssert {
			complain("console: %s", descriptions(e.Args))
		}
	case *cdplog.EventEntryAdded:
		// That a page was answered with an error status is what some tests are about.
		page := e.Entry.Source == cdplog.EntrySourceNetwork && !strings.Contains(e.Entry.URL, "/static/")
		if e.Entry.Level == cdplog.EntryLevelError && !page {
			complain("log: %s %s", e.Entry.Text, e.Entry.URL)
		}
	case *audits.EventIssueAdded:
		if d := e.Issue.Details.ContentSecurityPolicyIssueDetails; d != nil {
			complain("content security policy: %s %s %s", d.ViolatedDirective, d.ContentSecurityPolicyViolationType, d.BlockedURL)
		}
	case *network.EventLoadingFinished:
		t.received += e.EncodedDataLength
	}
}

func description(o *runtime.RemoteObject) string {
	if o == nil {
		return ""
	}
	return cmp.Or(o.Description, string(o.Value))
}

func descriptions(list []*runtime.RemoteObject) string {
	var words []string
	for _, o := range list {
		words = append(words, description(o))
	}
	return strings.Join(words, " ")
}

// Received is the number of bytes that came over the network so far, with headers, as compressed.
func (t *tab) Received() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return int(t.received)
}

// Resize sets the size of the window in CSS pixels.
func (t *tab) Resize(width, height int64) {
	t.Helper()
	call(t, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: width, Height: height, DeviceScaleFactor: 1})
}

// Dark tells the page which theme the reader's system has.
func (t *tab) Dark(dark bool) {
	t.Helper()
	scheme, motion := "light", "no-preference"
	if dark {
		scheme = "dark"
	}
	if t.look.still {
		motion = "reduce"
	}
	t.Media("", [][2]string{{"prefers-color-scheme", scheme}, {"prefers-reduced-motion", motion}})
}

// Media tells the page what it is shown on, "" for the screen, and what its reader's system asks for.
func (t *tab) Media(kind string, features [][2]string) {
	t.Helper()
	params := emulation.SetEmulatedMediaParams{Media: kind}
	for _, f := range features {
		params.Features = append(params.Features, &emulation.MediaFeature{Name: f[0], Value: f[1]})
	}
	call(t, emulation.SetEmulatedMedia, params)
}

// Go loads an address of the console, as if it were typed.
func (t *tab) Go(address string) {
	t.Helper()
	// The mark tells the page that is being left from the next.
	t.Eval("globalThis.leaving = true")
	if a := call(t, cdppage.Navigate, cdppage.NavigateParams{URL: t.base + address}); a.ErrorText != "" {
		t.Fatalf("%s: %s", address, a.ErrorText)
	}
	t.WaitFor("!globalThis.leaving && document.readyState === 'complete'")
}

// eval evaluates an expression; it may be a promise. It works with scripts off too.
func eval[T any](t *tab, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// Eval evaluates an expression for its effect.
func (t *tab) Eval(expression string) {
	t.Helper()
	if _, err := eval[chromedp.Void](t, expression); err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
}

// Text evaluates an expression whose value is a text.
func (t *tab) Text(expression string) string {
	t.Helper()
	text, err := eval[*string](t, expression)
	if err != nil || text == nil {
		t.Fatalf("%s: no text on %s: %v", expression, t.where(), err)
	}
	return *text
}

// Is tells whether a condition holds now. While a page is being replaced there is nothing to evaluate in: false.
func (t *tab) Is(condition string) bool {
	ok, err := eval[bool](t, "!!("+condition+")")
	return ok && err == nil
}

// WaitFor waits until a condition holds.
func (t *tab) WaitFor(condition string) {
	t.Helper()
	if !t.within(patience, condition) {
		t.Fatalf("in vain: %s\non %s", condition, t.where())
	}
}

// within waits for some time at most, and tells whether a condition has come to hold.
func (t *tab) within(long time.Duration, condition string) bool {
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(long)
	for !t.Is(condition) {
		select {
		case <-tick.C:
		case <-deadline:
			return false
		}
	}
	return true
}

// where says which page is shown, for messages.
func (t *tab) where() string {
	where, err := eval[string](t, `location.pathname + location.search + ": " + document.title + "\n" +
		document.querySelector("main")?.innerText.slice(0, 1500)`)
	if err != nil {
		return err.Error()
	}
	return where
}

// See waits until an element is there.
func (t *tab) See(selector string) {
	t.Helper()
	t.WaitFor("document.readyState !== 'loading' && " + find(selector)) // with all that follows it on the page
}

func find(selector string) string { return fmt.Sprintf("document.querySelector(%q)", selector) }

// painted is whether the page has been shown: until then the browser drops what is typed.
const painted = "performance.getEntriesByType('paint').length > 0"

// PressUntil sends a key, and again where it came too early, until a condition holds.
func (t *tab) PressUntil(key, condition string) {
	t.Helper()
	for begun := time.Now(); time.Since(begun) < patience; {
		if t.Press(key); t.within(soon, condition) {
			return
		}
	}
	t.Fatalf("pressed in vain for: %s\non %s", condition, t.where())
}

// Press sends keys, as they come from a keyboard.
func (t *tab) Press(keys string) {
	t.Helper()
	t.within(soon, painted) // a page that isn't looked at is never painted
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.KeyEvent(keys)); err != nil {
		t.Fatalf("keys: %v", err)
	}
}

// Click activates a link or a button.
func (t *tab) Click(selector string) {
	t.Helper()
	t.See(selector)
	if t.keyboard {
		t.TabTo(selector)
		t.Press(kb.Enter)
		return
	}
	t.Eval(find(selector) + ".click()")
}

// Type fills a field.
func (t *tab) Type(selector, text string) {
	t.Helper()
	t.See(selector)
	if t.keyboard {
		t.TabTo(selector)
		t.Press(text)
		return
	}
	t.Eval(fmt.Sprintf("%[1]s.value = %[2]q; %[1]s.dispatchEvent(new Event('input', {bubbles: true}))", find(selector), text))
}

// Choose chooses an option of a select.
func (t *tab) Choose(selector, value string) {
	t.Helper()
	t.See(selector)
	if !t.keyboard {
		t.Eval(fmt.Sprintf("%s.value = %q", find(selector), value))
		return
	}
	t.TabTo(selector)
	for range 20 {
		if t.Is(fmt.Sprintf("%s.value === %q", find(selector), value)) {
			return
		}
		t.Press(kb.ArrowDown)
	}
	t.Fatalf("%s has no option %s", selector, value)
}

// TabTo moves the focus with the Tab key until it is on the first element that matches.
func (t *tab) TabTo(selector string) {
	t.Helper()
	for range 400 {
		if t.Is("document.activeElement?.matches(" + fmt.Sprintf("%q", selector) + ")") {
			return
		}
		t.Press(kb.Tab)
	}
	t.Fatalf("the Tab key does not lead to %s on %s", selector, t.where())
}

// Screenshot is what the window shows, or with full the whole page, as PNG.
func (t *tab) Screenshot(full bool) []byte {
	t.Helper()
	return call(t, cdppage.CaptureScreenshot, cdppage.CaptureScreenshotParams{
		Format: cdppage.CaptureScreenshotFormatPng, CaptureBeyondViewport: &full}).Data
}

// SignIn signs in as a user of the demo account.
func (t *tab) SignIn(user string) {
	t.Helper()
	t.Go("/sign-in")
	t.Type("[name=account]", "demo")
	t.Type("[name=user]", user)
	t.Type("[name=password]", user)
	t.Click("#sign-in button")
	t.See("table.tickets")
}

// stage is a console over a simulator that the test holds in its hands.
type stage struct {
	*simulator.Simulator
	base   string
	offset func(time.Duration) // moves the simulator's clock on
}

// startStage starts both in this process.
func startStage(t *testing.T, cfg simulator.Config, more ...string) stage {
	t.Helper()
	s, args := startUpstream(t, cfg)
	s.base = e2e.Launch(t, e2e.NoEnvironment, append(args, more...)...).URL
	return s
}

// startUpstream starts the simulator alone, and gives the settings of a console on it.
func startUpstream(t *testing.T, cfg simulator.Config) (s stage, args []string) {
	t.Helper()
	var mu sync.Mutex
	var offset time.Duration
	cfg.Now = func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return time.Now().Add(offset)
	}
	sim := simulator.New(cfg)
	upstream := httptest.NewServer(sim.Handler())
	t.Cleanup(upstream.Close)
	move := func(d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		offset += d
	}
	return stage{sim, "", move}, []string{"--coc-endpoint", upstream.URL, "--iam-endpoint", upstream.URL, "--accounts", "demo", "--managers", "demo/manager", "--ticket-poll-interval", "300ms"}
}
