package auditcmd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/policy"
)

// TestReplayOfOne: of a single decision the command speaks in the singular, and lists what policies in shadow would change.
func TestReplayOfOne(t *testing.T) {
	folder := t.TempDir()
	then, err := policy.Load(policy.Files{Managers: []string{"acme/ann"}})
	if err != nil {
		t.Fatal(err)
	}
	d := then.Operate(policy.Request{Person: policy.Person{UserID: "1", UserName: "ann", AccountName: "acme"}, Action: "PAUSE_ORDER",
		Ticket: &policy.Ticket{ID: "SCT1", Account: "acme"}, Circumstances: policy.Circumstances{At: time.Now()}})
	log, closeAll := openAll(t, folder)
	key := log.PublicKey()
	if _, err := log.Append(t.Context(), audit.Record{Action: audit.ActionOperationRequested, Outcome: audit.OutcomePending, OperationID: "op",
		OperationType: "PAUSE_ORDER", Ticket: "SCT1", Actor: audit.Actor{UserID: "1", UserName: "ann", AccountName: "acme"}, Input: d.Input()}); err != nil {
		t.Fatal(err)
	}
	closeAll()
	rules := filepath.Join(folder, "rules.cedar")
	if err := os.WriteFile(rules, []byte(`@id("all") permit (principal, action, resource);
		@id("calm") @mode("shadow") forbid (principal, action == Action::"PAUSE_ORDER", resource);`), 0o600); err != nil {
		t.Fatal(err)
	}
	text := command(t, nil, "policy", "replay", "--data", folder, "--since", "1d", "--policy", rules)
	for _, want := range []string{"1 decision since ", "0 would be different, 0 can't be replayed",
		"1 decision would be different if the policies in shadow were enforced.", "By policy in shadow:\n       1  calm: 1 denied\n",
		"The newest that policies in shadow would change:\n  1  ", "acme/ann  PAUSE_ORDER  SCT1: let through now, denied if enforced (calm)"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	if text := command(t, nil, "audit", "reindex", "--data", folder); text != "the search tables are complete: 1 record\n" {
		t.Errorf("reindex says %q", text)
	}
	if text := command(t, nil, "audit", "verify", "--data", folder, "--public-key", key); !strings.Contains(text, "1 record read in") {
		t.Errorf("verify says %q", text)
	}
}
