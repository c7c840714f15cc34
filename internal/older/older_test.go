package older

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"coc-console/internal/coc"
	"coc-console/internal/iam"
	"coc-console/internal/simulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// started is a Reader over a simulator with 250 tickets, its clock, and what is told of pages.
type started struct {
	*Reader
	sim  *simulator.Simulator
	list List
	lend func(context.Context) (coc.Caller, error)
	now  atomic.Int64 // seconds
	told chan struct{}
}

func start(t *testing.T) *started {
	t.Helper()
	var specs []simulator.TicketSpec
	for i := range 250 {
		specs = append(specs, simulator.TicketSpec{Scenario: fmt.Sprint("t", i), Name: fmt.Sprint("task_", i), Creator: "operator",
			Age: time.Duration(i+1) * time.Minute, Timeout: time.Hour, SuccessRate: 100, Batches: []simulator.BatchSpec{{Instances: []simulator.InstanceSpec{
				{ID: int64(i + 1), Host: "web", IP: "10.0.0.7", Region: "cn-north-4", Run: time.Second}}}}})
	}
	s := &started{sim: simulator.New(simulator.Config{Tickets: specs}), told: make(chan struct{}, 100)}
	server := httptest.NewServer(s.sim.Handler())
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	client, err := coc.New(coc.Config{Endpoint: server.URL, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	people, err := iam.New(iam.Config{Endpoint: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	id, token, err := people.SignIn(t.Context(), iam.PasswordRequest{Account: "demo", User: "operator", Password: "operator", Project: "cn-north-4"})
	if err != nil {
		t.Fatal(err)
	}
	s.list = List{Account: id.AccountID, Project: id.ProjectID}
	s.lend = func(context.Context) (coc.Caller, error) {
		return coc.Caller{Credential: token, Language: "en-us", ProjectID: id.ProjectID}, nil
	}
	s.Reader = New(client, slog.New(slog.DiscardHandler), func() time.Time { return time.Unix(s.now.Load(), 0) },
		func() { s.told <- struct{}{} })
	s.now.Store(1_000_000)
	t.Cleanup(func() { s.Close(); people.Close(); client.Close() })
	return s
}

// whole waits until a list was read to its end.
func (s *started) whole(t *testing.T) Tickets {
	t.Helper()
	for {
		if read := s.Of(s.list, s.lend); read.Done {
			return read
		}
		select {
		case <-s.told:
		case <-time.After(time.Minute):
			t.Fatal("the list is not read to its end")
		}
	}
}

// TestReadToTheEnd reads page after page, tells of each, and keeps what it has while it reads again.
func TestReadToTheEnd(t *testing.T) {
	s := start(t)
	if first := s.Of(s.list, s.lend); len(first.All) != 0 || first.Done {
		t.Errorf("something is known before it was read: %d", len(first.All))
	}
	<-s.told
	if part := s.Of(s.list, s.lend); len(part.All) != 100 || part.Total != 250 || part.Done {
		t.Errorf("after a page %d of %d are read, done %v", len(part.All), part.Total, part.Done)
	}
	read := s.whole(t)
	if len(read.All) != 250 || read.All[0].OrderID <= read.All[249].OrderID {
		t.Errorf("%d were read", len(read.All))
	}
	s.whole(t)
	if n := s.sim.Calls(simulator.CallListTickets); n != 3 {
		t.Errorf("%d calls, want one for each page", n)
	}
	s.now.Add(int64(newFor.Seconds()))
	if again := s.Of(s.list, s.lend); len(again.All) != 250 || !again.Done {
		t.Errorf("while it is read again %d are known", len(again.All))
	}
}

// TestReadStopsAtARefusal keeps what it has, and does not ask again at once.
func TestReadStopsAtARefusal(t *testing.T) {
	s := start(t)
	s.sim.Inject(simulator.Fault{Kind: simulator.CallListTickets, Effect: simulator.Refuse, Status: 403, Code: "APIGW.0302", Message: "no", Gateway: true})
	s.Of(s.list, s.lend)
	<-s.told
	if read := s.Of(s.list, s.lend); read.Done || len(read.All) != 0 {
		t.Errorf("%+v", read)
	}
	if n := s.sim.Calls(simulator.CallListTickets); n != 1 {
		t.Errorf("%d calls", n)
	}
}
