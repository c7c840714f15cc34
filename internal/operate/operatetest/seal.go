package operatetest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Exec changes console.db.
func (d *Desk) Exec(query string, args ...any) {
	d.T.Helper()
	_, err := d.ConsoleDB.Write.ExecContext(d.T.Context(), query, args...)
	Check(d.T, err)
}

// rowKey authenticates rows, for all consoles alike.
var rowKey = []byte("the same for all consoles")

// Reseal gives every row the code that the console would give it: tests write
// rows as the end of a process leaves them.
func (d *Desk) Reseal(ctx context.Context) error {
	for table, columns := range map[string]string{
		"approval": `id, state, account_id, requester_id, ticket, operation, requester, session_id, origin, reason, seen, target,
			radius, created_at, expires_at, decider, decided_at, comment, note, problem`,
		"job":      `id, state, note, account_id, requester_id, actor, origin, session_id, type, reason, terms, created_at, ended_at`,
		"job_item": `job, n, state, ticket, operation, target, seen, key, problem`,
	} {
		if err := d.resealTable(ctx, table, columns); err != nil {
			return err
		}
	}
	return nil
}

func (d *Desk) resealTable(ctx context.Context, table, columns string) error {
	rows, err := d.ConsoleDB.Read.QueryContext(ctx, `SELECT `+columns+` FROM `+table)
	if err != nil {
		return fmt.Errorf("read the rows of %s: %w", table, err)
	}
	defer func() { _ = rows.Close() }()
	key := "id"
	if table == "job_item" {
		key = "job || '/' || n"
	}
	var of, macs []string
	for rows.Next() {
		values := make([]string, strings.Count(columns, ",")+1)
		into := make([]any, len(values))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("read a row of %s: %w", table, err)
		}
		h := hmac.New(sha256.New, rowKey)
		for _, text := range append([]string{table}, values...) {
			h.Write(binary.AppendUvarint(nil, uint64(len(text))))
			h.Write([]byte(text))
		}
		id := values[0]
		if table == "job_item" {
			id += "/" + values[1]
		}
		of, macs = append(of, id), append(macs, hex.EncodeToString(h.Sum(nil)))
	}
	err = rows.Close()
	for i := range of {
		update := `UPDATE ` + table + ` SET mac = $2 WHERE ` + key + ` = $1`
		_, failed := d.ConsoleDB.Write.ExecContext(ctx, update, of[i], macs[i])
		err = errors.Join(err, failed, rows.Err())
	}
	return err
}

// Inserted is an approval that somebody writes into the database who does not
// have the session key.
func (d *Desk) Inserted(id, state, mac string) {
	d.T.Helper()
	form := d.Form("running", CancelOrder)
	at := d.Clock.Now().UnixMicro()
	d.Exec(`INSERT INTO approval (id, state, account_id, requester_id, ticket, operation, requester, session_id, origin, reason, seen,
		target, radius, created_at, expires_at, decider, decided_at, mac)
		VALUES ($1, $2, $3, $4, $5, '{"type":"CANCEL_ORDER"}', $6, 'operator', '{}', 'because', $7, 'reload', '{}', $8, $9, $10, $8, $11)`, id, state, d.Actor.AccountID, d.Actor.UserID, string(form.Ticket),
		`{"user_id":"`+d.Actor.UserID+`","user_name":"operator","account_id":"`+d.Actor.AccountID+`","account_name":"demo"}`,
		form.Expected, at, at+3_600_000_000,
		`{"user_id":"x","user_name":"invented","account_id":"`+d.Actor.AccountID+`"}`, mac)
}

// Kept are all rows of a table, to be put back.
func (d *Desk) Kept(table string) (putBack func()) {
	d.T.Helper()
	d.Exec(`CREATE TABLE kept_` + table + ` AS SELECT * FROM ` + table)
	return func() {
		d.T.Helper()
		d.Exec(`DELETE FROM ` + table)
		d.Exec(`INSERT INTO ` + table + ` SELECT * FROM kept_` + table)
	}
}
