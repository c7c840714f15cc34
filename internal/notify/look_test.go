package notify_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"coc-console/internal/coc"
	"coc-console/internal/iam"
	"coc-console/internal/notify"
	"coc-console/internal/simulator"
)

// TestAttentionIsListed: the console's own user sees which tickets need attention, also after its token was revoked.
func TestAttentionIsListed(t *testing.T) {
	sim := simulator.New(simulator.Config{})
	upstream := httptest.NewServer(sim.Handler())
	defer upstream.Close()
	client, err := coc.New(coc.Config{Endpoint: upstream.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	signIn, err := iam.New(iam.Config{Endpoint: upstream.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer signIn.Close()
	service := iam.NewService(signIn, "demo", "reader", func() (string, error) { return "reader", nil }, time.Now)
	look := notify.Look{Service: service, Client: client, Project: "cn-north-4"}
	want := sim.UUID("abnormal")
	for _, after := range []string{"the first sign-in", "another look", "the token was revoked"} {
		found, err := look.Read(t.Context())
		if err != nil || found.Account != "demo" || !found.All {
			t.Fatalf("after %s: %+v, %v", after, found, err)
		}
		i := slices.IndexFunc(found.Tickets, func(ticket notify.AttentionTicket) bool { return ticket.ID == want })
		if i < 0 || found.Tickets[i].Name == "" || found.Tickets[i].Creator == "" {
			t.Errorf("after %s: %+v lacks %s", after, found, want)
		}
		if after == "another look" && !sim.RevokeUser("demo", "reader") {
			t.Fatal("no token was revoked")
		}
	}
	if n := sim.Calls(simulator.CallSignIn); n != 2 {
		t.Errorf("the service user signed in %d times", n)
	}
	sim.Inject(simulator.Fault{Kind: simulator.CallListTickets, Effect: simulator.Refuse, Status: http.StatusForbidden, Code: "x"})
	if found, err := look.Read(t.Context()); err == nil {
		t.Errorf("refused, it found %+v", found)
	}
}
