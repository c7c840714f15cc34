package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"coc-console/internal/company"
	"coc-console/internal/huawei"
)

// TestUnsealedSessions: a session is unsealed once while it is in use, again when
// its row is another one, and what does not open stays nowhere.
func TestUnsealedSessions(t *testing.T) {
	var u unsealed
	opened := 0
	open := u.open(func(row string, sealed []byte) (content, error) {
		opened++
		if string(sealed) == "broken" {
			return content{}, errNoSession
		}
		return content{Stored: huawei.Stored{Token: row + string(sealed)}}, nil
	})
	for _, step := range []struct {
		row, sealed string
		opened      int
	}{
		{"a", "1", 1}, {"a", "1", 1}, {"a", "2", 2}, {"b", "2", 3}, {"a", "2", 3}, {"a", "broken", 4}, {"a", "broken", 5},
		{"a", "2", 5},
	} {
		held, err := open(step.row, []byte(step.sealed))
		if broken := step.sealed == "broken"; broken != errors.Is(err, errNoSession) || !broken && held.Token != step.row+step.sealed {
			t.Errorf("%s %s: %q, %v", step.row, step.sealed, held.Token, err)
		}
		if opened != step.opened {
			t.Errorf("%s %s: unsealed %d times, want %d", step.row, step.sealed, opened, step.opened)
		}
	}
	u.drop("a")
	if _, _ = open("a", []byte("2")); opened != 6 {
		t.Error("a session that has ended is still there")
	}
	for n := range 2 * maxUnsealed {
		_, _ = open(fmt.Sprint(n), nil)
	}
	if len(u.all) > maxUnsealed {
		t.Errorf("%d sessions are unsealed", len(u.all))
	}
}

// TestOlderContent: what versions before sealed, without credentials and renewals, is a session as it was.
func TestOlderContent(t *testing.T) {
	for provider, older := range map[string]string{
		"":        `{"token":"MIIold","actor":{"user_id":"u"},"language":"zh-cn","expires":"2026-11-30T10:00:00Z","begun":"2026-11-29T10:00:00Z"}`,
		"company": `{"token":"MIIold","actor":{"user_id":"u"},"language":"zh-cn","expires":"2026-11-30T10:00:00Z","begun":"2026-11-29T10:00:00Z","company":true}`,
	} {
		var held content
		if err := json.Unmarshal([]byte(older), &held); err != nil {
			t.Fatal(err)
		}
		s := Sessions{SessionConfig: SessionConfig{Renew: company.Providers{}.Renew}}
		if c := held.Credential(); c == nil || !c.Is(huawei.NewToken("MIIold")) || held.renewal().Provider != provider || s.canRenew(held) || held.Expires.IsZero() {
			t.Errorf("%s is read as %+v", older, held)
		}
	}
}
