package operate_test

import (
	"testing"
	"time"

	"coc-console/internal/operate"
)

// TestPurge: what has ended long ago goes, what is open, new or not in the log
// yet stays.
func TestPurge(t *testing.T) {
	d := newDesk(t)
	long, lately := d.Clock.Now().Add(-91*24*time.Hour).UnixMicro(), d.Clock.Now().Add(-time.Hour).UnixMicro()
	for _, a := range []struct {
		id, state, logged string
		at                int64
	}{
		{"old", "refused", "refused", long}, {"old and sent", "sent", "", long}, {"new", "refused", "refused", lately},
		{"open", "waiting", "waiting", long}, {"granted", "granted", "granted", long},
		{"not in the log", "expired", "waiting", long},
	} {
		d.Exec(`INSERT INTO approval (id, state, account_id, requester_id, ticket, operation, requester, session_id, origin, reason, seen,
			target, radius, created_at, expires_at, logged) VALUES ($1, $2, 'a', 'u', 't', '{}', '{}', 's', '{}', '', '', '', '{}', $3, $3, $4)`,
			a.id, a.state, a.at, a.logged)
	}
	for _, j := range []struct {
		id, state string
		ended     int64
	}{{"old", "ended", long}, {"new", "ended", lately}, {"stopped", "stopped", 0}, {"running", "running", 0}} {
		d.Exec(`INSERT INTO job (id, state, account_id, requester_id, actor, origin, session_id, type, reason, terms, created_at, ended_at)
			VALUES ($1, $2, 'a', 'u', '{}', '{}', 's', '', '', '{}', $3, $4)`, j.id, j.state, long, j.ended)
		d.Exec(`INSERT INTO job_item (job, n, state, ticket, operation, target, seen, key) VALUES ($1, 1, 'sent', 't', '{}', '', '', $1)`, j.id)
	}
	d.Exec(`INSERT INTO one_time_key (key, session_id, ticket, created_at) VALUES ($1, '', '', $2)`, operate.NewKey(),
		long)
	check(t, d.Purge(t.Context()))
	for table, want := range map[string]int{"approval": 4, "job": 3, "job_item": 3, "one_time_key": 0} {
		var n int
		check(t, d.ConsoleDB.Read.QueryRowContext(t.Context(), `SELECT count(*) FROM `+table).Scan(&n))
		if n != want {
			t.Errorf("%s has %d rows, want %d", table, n, want)
		}
	}
}
