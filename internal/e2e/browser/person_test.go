package browser

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coc-console/internal/e2e"
	"coc-console/internal/simulator"
)

// SignOut signs out by the button of the page.
func (t *tab) SignOut() {
	t.Helper()
	t.Go("/shortcuts")
	t.Click("#sign-out")
	t.See("#sign-in")
}

// TestBrowserOtherPerson: in another tab of the same browser somebody else signs in. The first tab says so, sends nothing,
// and shows what was typed to whoever is signed in now.
func TestBrowserOtherPerson(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	for language, held := range map[string]string{"en-US": "Not sent.", "zh-CN": "未发送。"} {
		t.Run(language, func(t *testing.T) {
			s := startStage(t, simulator.Config{Rules: quick.Rules, Tickets: crowded()}, hurried...)
			first := b.open(t, s.base, look{still: true, language: language})
			first.SignIn("operator")
			second := first.Second()
			first.Go("/tickets/" + s.UUID("crowded") + "/operations/new?operation_type=PAUSE_ORDER")
			first.said()
			first.Type("[name=reason]", "stuck here")
			second.SignOut()
			first.See("#person-changed [target=_blank]") // nobody is signed in
			second.SignIn("manager")
			first.WaitFor("document.querySelector('#person-changed')?.textContent.includes('demo/manager')")
			first.WaitFor("said.some((text) => text.includes('demo/manager'))")
			first.Click("#confirm")
			first.WaitFor(fmt.Sprintf("document.querySelector('#person-changed')?.textContent.includes(%q)", held))
			if reason := first.Text("document.querySelector('[name=reason]').value"); reason != "stuck here" {
				t.Errorf("the reason is %q", reason)
			}
			first.Click("#person-changed button")
			first.See("#other-person")
			text := first.Text("document.querySelector('#other-person').innerText")
			if !strings.Contains(text, "demo/operator") || !strings.Contains(text, "demo/manager") {
				t.Errorf("the page says %s", text)
			}
			first.WaitFor("document.querySelector('[name=reason]').value === 'stuck here' && document.querySelector('#viewer').textContent.includes('manager') && !document.querySelector('#person-changed')")
			if n := s.Calls(simulator.CallOperate); n != 0 {
				t.Fatalf("%d operations were sent", n)
			}
			first.Click("#confirm") // as the manager, who has seen it
			first.WaitFor("location.pathname.startsWith('/operations/')")
			if n := s.Calls(simulator.CallOperate); n != 1 {
				t.Errorf("%d operations were sent", n)
			}
		})
	}
}

// TestBrowserSamePerson: who signs in again, in another tab, goes on with what they typed. A live page of somebody else
// stands still.
func TestBrowserSamePerson(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	s := startStage(t, simulator.Config{Rules: quick.Rules, Tickets: crowded()}, hurried...)
	form := b.open(t, s.base, look{still: true})
	form.SignIn("operator")
	live, other := form.Second(), form.Second()
	form.Go("/tickets/" + s.UUID("crowded") + "/operations/new?operation_type=PAUSE_ORDER")
	form.Type("[name=reason]", "goes on")
	live.Watch(s)
	other.SignOut()
	form.See("#person-changed")
	live.See("#stale a")
	other.SignIn("manager")
	live.WaitFor("document.querySelector('#person-changed')?.textContent.includes('demo/manager')")
	other.SignOut()
	other.SignIn("operator")
	form.WaitFor("!document.querySelector('#person-changed')")
	live.WaitFor("!document.querySelector('#person-changed')")
	form.Click("#confirm")
	form.WaitFor("location.pathname.startsWith('/operations/')")
}

// TestBrowserPersonAskedAnew: somebody signs in while a tab still waits for the answer of before, which is that nobody is:
// the tab asks once more.
func TestBrowserPersonAskedAnew(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	s := startStage(t, quick)
	waits := b.open(t, s.base, look{still: true})
	waits.SignIn("operator")
	other := waits.Second()
	waits.Go("/shortcuts")
	waits.Eval(`(() => {
		const real = fetch;
		globalThis.fetch = async (address, options) => {
			const answer = await real(address, options);
			if (address === "/session" && !window.goOn) await new Promise((done) => (window.answer = done));
			return answer;
		};
	})()`)
	other.SignOut()
	waits.WaitFor("window.answer")
	other.SignIn("manager")
	waits.Eval("window.goOn = true; window.answer()")
	waits.WaitFor("document.querySelector('#person-changed')?.textContent.includes('demo/manager')")
}

// TestBrowserDatabaseAway: a database that is away for a moment is not the end of a session: the page waits and comes back.
func TestBrowserDatabaseAway(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	data := t.TempDir()
	s := startStage(t, simulator.Config{Rules: quick.Rules, Tickets: crowded()}, append([]string{"--data", data}, hurried...)...)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(data, "console.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	rename := func(from, to string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), "ALTER TABLE "+from+" RENAME TO "+to); err != nil {
			t.Fatal(err)
		}
	}
	live := b.open(t, s.base, look{still: true})
	live.SignIn("operator")
	form := live.Second()
	form.Go("/tickets/" + s.UUID("crowded") + "/operations/new?operation_type=PAUSE_ORDER")
	form.Type("[name=reason]", "kept")
	live.Watch(s)
	live.Mark()
	rename("session", "session_away")
	live.See("#trouble .notice") // polls can't be made
	form.Click("#confirm")
	form.See("#unanswered")
	if reason := form.Text("document.querySelector('[name=reason]').value"); reason != "kept" {
		t.Errorf("the reason is %q", reason)
	}
	if live.Is("document.querySelector('#stale')?.textContent.includes('session')") || live.Is("location.pathname === '/sign-in'") {
		t.Error("the page says that the session has ended")
	}
	s.offset(5 * time.Minute)
	rename("session_away", "session")
	live.See("#instance-1003[data-status=ABNORMAL]")
	live.WaitFor("!document.querySelector('#trouble .notice')")
	live.Same("a database that was away")
	form.Click("#confirm")
	form.WaitFor("location.pathname.startsWith('/operations/') || document.querySelector('#operation')")
}

// TestBrowserSessionsReason: who ends a session without a reason is led to the field that lacks it.
func TestBrowserSessionsReason(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	s := startStage(t, quick)
	manager := b.open(t, s.base, look{still: true})
	manager.SignIn("manager")
	manager.Go("/audit")
	manager.Click(".me > summary")
	manager.Click(".me a[href='/sessions']")
	manager.See("#sessions form button[name=session]")
	manager.Click("#sessions form button[name=session]")
	manager.WaitFor("document.activeElement.matches('[name=reason][aria-invalid=true]')")
}

// TestBrowserDemoUsers signs in with one click on the embedded simulator, and nowhere else: there no password is on the page.
func TestBrowserDemoUsers(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	for _, scripts := range []bool{true, false} {
		tb := b.open(t, e2e.Launch(t, e2e.NoEnvironment).URL, look{still: true, noScripts: !scripts})
		tb.Go("/sign-in")
		tb.WaitFor("document.activeElement.matches('#company button')")
		tb.Click(".demo form:has([name=user][value=operator]) button")
		tb.See("table.tickets")
		if !tb.Is("document.querySelector('#viewer').textContent.includes('operator')") {
			t.Error("somebody else is signed in")
		}
	}
	s := startStage(t, quick)
	tb := b.open(t, s.base, look{})
	tb.Go("/sign-in")
	tb.See("#sign-in")
	if tb.Is("document.querySelector('.demo, [name=password][value]:not([value=\"\"])')") {
		t.Error("a console with endpoints of its own shows demo users")
	}
}
