package finder

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"

	"coc-console/internal/coc"
	"coc-console/internal/huawei"
	"coc-console/internal/iam"
	"coc-console/internal/simulator"
	"coc-console/internal/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fleet are tickets with servers of their own; the first has 12.
func fleet() []simulator.TicketSpec {
	var all []simulator.TicketSpec
	id := int64(1)
	for i := range 6 {
		spec := simulator.TicketSpec{Scenario: fmt.Sprint("t", i), Name: fmt.Sprintf("task_%d", i), Creator: "operator",
			Age: time.Duration(i+1) * time.Hour, Timeout: time.Hour, SuccessRate: 100}
		var rows []simulator.InstanceSpec
		for j := range 12 {
			rows = append(rows, simulator.InstanceSpec{ID: id, Host: fmt.Sprintf("web-%d-%d", i, j),
				IP: fmt.Sprintf("10.0.%d.%d", i, j), Region: "cn-north-4", Run: time.Second})
			id++
		}
		spec.Batches = []simulator.BatchSpec{{Instances: rows[:6]}, {Instances: rows[6:]}}
		all = append(all, spec)
	}
	return all
}

type stand struct {
	*Finder
	sim    *simulator.Simulator
	client *coc.Client
	iam    *iam.Client
	now    time.Time
}

func start(t *testing.T) *stand {
	t.Helper()
	s := &stand{now: time.Now()}
	s.sim = simulator.New(simulator.Config{Tickets: fleet()})
	server := httptest.NewServer(s.sim.Handler())
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	var err error
	if s.client, err = coc.New(coc.Config{Endpoint: server.URL, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	if s.iam, err = iam.New(iam.Config{Endpoint: server.URL}); err != nil {
		t.Fatal(err)
	}
	s.Finder = New(s.client, slog.New(slog.DiscardHandler), func() time.Time { return s.now })
	t.Cleanup(func() { s.Close(); s.iam.Close(); s.client.Close() })
	return s
}

// as is a search of somebody who may see all that their token can read.
func (s *stand) as(t *testing.T, user, text string) Request {
	t.Helper()
	id, token, err := s.iam.SignIn(t.Context(), iam.PasswordRequest{Account: "demo", User: user, Password: user, Project: "cn-north-4"})
	if err != nil {
		t.Fatal(err)
	}
	caller := coc.Caller{Credential: token, Language: "en-us", ProjectID: id.ProjectID}
	return Request{Scope: Scope{Account: id.AccountID, Project: id.ProjectID}, Session: user, Text: text, Names: true,
		Caller: func(context.Context) (coc.Caller, error) { return caller, nil },
		Sees:   func(coc.Ticket) bool { return true }}
}

func (s *stand) find(t *testing.T, r Request) Result {
	t.Helper()
	found, err := s.Find(t.Context(), r, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func hosts(found Result) (names []string) {
	for _, h := range found.Hits {
		for _, host := range h.Hosts {
			names = append(names, host.Name)
		}
	}
	return names
}

// TestFind finds tickets by their servers, and says what it looked through.
func TestFind(t *testing.T) {
	s := start(t)
	for _, tt := range []struct {
		name, text     string
		tickets, hosts int
	}{
		{"a host's name", "WEB-3-7", 1, 1},
		{"a part of it", "web-2-1", 1, 3}, // 1, 10 and 11
		{"an address", "10.0.4.1", 1, 1},  // not 10.0.4.10
		{"the beginning of one", "10.0.4.", 1, 12},
		{"the end of one", "4.11", 1, 1},
		{"no part of a number", "0.0.4.1", 0, 0},
		{"an address with a port", "10.0.4.1:22", 1, 1},
		{"a host with a user and a port", "root@web-3-7:22", 1, 1},
		{"a host by its key", "host:web-3-7", 1, 1},
		{"an instance", "25", 1, 1},
		{"the name of a ticket", "task_5", 1, 0},
		{"several tickets", "web-", 6, 72},
		{"nothing", "db-1", 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found := s.find(t, s.as(t, "operator", tt.text))
			if len(found.Hits) != tt.tickets || len(hosts(found)) != tt.hosts || !found.Done || found.Looked != 6 || found.Interrupted != nil {
				t.Errorf("found %d tickets by %v: %+v", len(found.Hits), hosts(found), found)
			}
			if back := s.now.Sub(found.Since); back < 5*time.Hour || back > 7*time.Hour {
				t.Errorf("looked back %s", back)
			}
		})
	}
	if n := s.sim.Calls(simulator.CallInstances); n != 12 {
		t.Errorf("%d calls for instances, want one for each batch", n)
	}
}

// TestTyped: an address in brackets is one, and a part of an address is no host with a port.
func TestTyped(t *testing.T) {
	for text, want := range map[string]string{"[fd00::10]": "fd00::10", "[FD00:0::10]:22": "fd00::10", "fd00:1": "fd00:1",
		" Web-1 ": "web-1", "web-1:80": "web-1", "ip:10.0.0.1": "10.0.0.1", "10.0.": "10.0.", "": "", "a:": "a:", "@": ""} {
		if got := Typed(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
	if h := (Host{IP: "2001:DB8:0:1::ab9"}); !h.found("2001:db8:0:1") || !h.found("0:1") || h.found("db8:1") {
		t.Error("parts of an IPv6 address")
	}
}

// TestFindNoMoreThanOneMayRead: neither what the rules hide, nor what another's token has read, nor another project's.
func TestFindNoMoreThanOneMayRead(t *testing.T) {
	s := start(t)
	r := s.as(t, "operator", "web-3-7")
	s.find(t, r)
	hidden := r
	hidden.Sees = func(coc.Ticket) bool { return false }
	if found := s.find(t, hidden); len(found.Hits) != 0 {
		t.Errorf("the rules hide it, and found is %+v", found)
	}
	elsewhere := r
	elsewhere.Scope.Project = "another"
	s.index.mu.Lock()
	s.index.all[elsewhere.Scope] = nil
	s.index.mu.Unlock()
	if hits, n, _ := s.index.looked(elsewhere.Scope, "web-3-7", s.now); n != 0 || len(hits) != 0 {
		t.Errorf("another project has %d tickets", n)
	}
	refused := r
	refused.Session = "another"
	refused.Names = false
	s.sim.Inject(simulator.Fault{Kind: simulator.CallShowTicket, Status: 403, Code: "APIGW.0302", Message: "no", Gateway: true})
	if found := s.find(t, refused); len(found.Hits) != 0 {
		t.Errorf("the token may not read it, and found is %+v", found)
	}
}

// TestFindWithoutASession: who has signed out meanwhile lends no token.
func TestFindWithoutASession(t *testing.T) {
	s := start(t)
	r := s.as(t, "operator", "web-3-7")
	r.Caller = func(context.Context) (coc.Caller, error) {
		return coc.Caller{Credential: huawei.Token{}}, coc.ErrNoCaller
	}
	if _, err := s.Find(t.Context(), r, time.Minute); !errors.Is(err, coc.ErrNoCaller) {
		t.Errorf("got %v", err)
	}
}

// TestFindGoesOn: a search that takes long tells what it has so far, and the next one has the rest.
func TestFindGoesOn(t *testing.T) {
	s := start(t)
	r := s.as(t, "operator", "web-3-7")
	s.sim.Inject(simulator.Fault{Kind: simulator.CallInstances, Effect: simulator.Slow, Delay: 50 * time.Millisecond, Times: 100})
	first, err := s.Find(t.Context(), r, 0)
	if err != nil || first.Done {
		t.Fatalf("got %+v, %v", first, err)
	}
	if found := s.find(t, r); len(found.Hits) != 1 || !found.Done || found.Looked != 6 {
		t.Errorf("got %+v", found)
	}
}

// TestReadTakesOver what was read for those who look at a ticket.
func TestReadTakesOver(t *testing.T) {
	s := start(t)
	key := watch.Key{Account: "a", Project: "p", Ticket: "SCT2026030209151401c2f9a07"}
	snapshot := watch.Snapshot{Ticket: coc.Ticket{ScriptName: "x", Created: s.now.Add(-time.Hour)}, Batches: []watch.Batch{{
		Batch: coc.Batch{Index: 2}, At: s.now, Instances: []watch.Instance{{Instance: coc.Instance{ID: 7,
			Target: coc.Target{HostName: "db-1", FixedIP: "10.1.1.1", ResourceID: "abc"}}}}}}}
	s.Read(key, &snapshot)
	snapshot.Ticket.Status = coc.TicketPaused
	s.Read(key, &snapshot)
	hits, n, since := s.index.looked(Scope{Account: "a", Project: "p"}, "abc", s.now)
	if len(hits) != 1 || n != 1 || hits[0].Hosts[0] != (Host{7, 2, "db-1", "10.1.1.1", "", "abc"}) || hits[0].Status != coc.TicketPaused ||
		!since.Equal(snapshot.Ticket.Created) {
		t.Errorf("got %+v, %d, %s", hits, n, since)
	}
	snapshot.Batches[0].Instances[0].Target.FixedIP = "2001:0db8:0000:0000:0000:0000:0000:0001"
	snapshot.Batches[0].Instances = append(snapshot.Batches[0].Instances, watch.Instance{})
	s.Read(key, &snapshot)
	if hits, _, _ := s.index.looked(Scope{Account: "a", Project: "p"}, "2001:db8::1", s.now); len(hits) != 1 {
		t.Error("an address that is written in another way is not found")
	}
	unread := watch.Snapshot{Batches: []watch.Batch{{Batch: coc.Batch{Index: 1}}}}
	s.Read(watch.Key{Account: "a", Project: "p", Ticket: "other"}, &unread)
	if _, n, _ := s.index.looked(Scope{Account: "a", Project: "p"}, "abc", s.now); n != 1 {
		t.Errorf("%d tickets are known", n)
	}
}

// TestIndexIsBounded: what was read longest ago makes room.
func TestIndexIsBounded(t *testing.T) {
	var x index
	now := time.Now()
	of := Scope{Account: "a", Project: "p"}
	for i := range 1000 {
		x.put(of, coc.TicketSummary{ExecuteUUID: coc.ExecuteUUID(fmt.Sprint(i))}, make([]Host, 200), now)
	}
	if x.hosts > maxHosts || x.hosts < 200 {
		t.Errorf("%d hosts are kept", x.hosts)
	}
}
