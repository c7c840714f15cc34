package store

import (
	"context"
	"database/sql"
	"time"

	"coc-console/internal/sqlutil"
)

// Target is what an operation has claimed to act on.
type Target struct {
	Ticket, Target string
	Operation      string // its id
	Request        string // who does what, as JSON: only what people are told
	At             time.Time
}

// claimTarget takes a target, from the operation beside which it goes if it
// names one; otherwise the claim of the operation that has it is returned.
func claimTarget(ctx context.Context, tx *sql.Tx, t Target, beside string) (Target, error) {
	n, err := affected(tx.ExecContext(ctx, `INSERT INTO target_claim (ticket, target, operation_id, request, claimed_at)
		VALUES ($1, $2, $3, $4, $5)`+takeTarget("$6"),
		t.Ticket, t.Target, t.Operation, t.Request, t.At.UnixMicro(), beside))
	if err != nil || n == 1 {
		return Target{}, sqlutil.Wrap(err, "claim a target of ticket", t.Ticket)
	}
	held, err := scanTarget(tx.QueryRowContext(ctx, `SELECT `+targetColumns+` FROM target_claim
		WHERE ticket = $1 AND target = $2`, t.Ticket, t.Target))
	return held, sqlutil.Wrap(err, "read a claim on ticket", t.Ticket)
}

// takeTarget says when a target that is taken is taken over.
func takeTarget(beside string) string {
	return ` ON CONFLICT (ticket, target) DO UPDATE
		SET operation_id = excluded.operation_id, request = excluded.request, claimed_at = excluded.claimed_at
		WHERE target_claim.operation_id = ` + beside + ` OR target_claim.operation_id = excluded.operation_id`
}

// Claims returns who has what of a ticket, by target.
func (k *Keys) Claims(ctx context.Context, ticket string) (map[string]Target, error) {
	rows, err := k.db.Read.QueryContext(ctx, `SELECT `+targetColumns+` FROM target_claim WHERE ticket = $1`, ticket)
	all, err := collect(rows, err, scanTarget)
	held := make(map[string]Target, len(all))
	for _, t := range all {
		held[t.Target] = t
	}
	return held, sqlutil.Wrap(err, "list the claims on ticket", ticket)
}

const targetColumns = `ticket, target, operation_id, request, claimed_at`

func scanTarget(from scanner) (t Target, err error) {
	var micro int64
	err = from.Scan(&t.Ticket, &t.Target, &t.Operation, &t.Request, &micro)
	t.At = time.UnixMicro(micro).UTC()
	return t, err
}

// ReleaseTarget lets go of what an operation has claimed to act on.
func (k *Keys) ReleaseTarget(ctx context.Context, operation string) error {
	release := `DELETE FROM target_claim WHERE operation_id = $1` + k.db.notWaiting() //nolint:gosec // text of this package
	_, err := k.db.Write.ExecContext(k.db.lazily(ctx), release, operation)
	return sqlutil.Wrap(err, "release the target of operation", operation)
}
