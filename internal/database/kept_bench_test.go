package database

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"testing"
)

// BenchmarkKept is what it takes without and with kept statements, and without
// and with the function that hands rows over: each stays while it saves a fifth.
func BenchmarkKept(b *testing.B) {
	db := open(b, b.TempDir(), Audit)
	ctx := context.WithoutCancel(b.Context())
	const rows = 20_000
	body := bytes.Repeat([]byte("an entry of the log "), 30)
	fill(b, db.Write, 0, rows, body)
	connect := func(readOnly, keeps, asks bool) *sql.DB {
		c, _ := db.connector(Audit, readOnly).(sqliteConnector)
		c.keeps, c.asks = keeps, asks
		plain := sql.OpenDB(c)
		b.Cleanup(func() { _ = plain.Close() })
		return plain
	}
	for _, kept := range []bool{false, true} {
		read, write := connect(true, false, kept), connect(false, kept, false)
		b.Run(fmt.Sprintf("question/kept=%t", kept), func(b *testing.B) {
			for i := range b.N {
				var ts int64
				if err := read.QueryRowContext(ctx, `SELECT ts FROM entry WHERE seq = $1`, i%rows+1).Scan(&ts); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("transaction of 8/kept=%t", kept), func(b *testing.B) {
			var n int
			if err := read.QueryRowContext(ctx, `SELECT max(seq) FROM entry`).Scan(&n); err != nil {
				b.Fatal(err)
			}
			for i := range b.N {
				fill(b, write, n+8*i, 8, body[:100])
			}
		})
	}
	b.Run("rows/fetched", func(b *testing.B) {
		for range b.N {
			fetch(b, db.Read, rows)
		}
	})
	b.Run("rows/handed over", func(b *testing.B) {
		for range b.N {
			err := db.EachEntry(ctx, `seq <= $1`, []any{rows}, func(int64, int64, []byte) error { return nil })
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

// fill adds n entries in one transaction, as the log's writer does.
func fill(b *testing.B, db *sql.DB, after, n int, body []byte) {
	b.Helper()
	ctx := context.WithoutCancel(b.Context())
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		b.Fatal(err)
	}
	for i := range n {
		if _, err := tx.ExecContext(ctx, `INSERT INTO entry (seq, ts, body) VALUES ($1, $2, $3)`, after+i+1, i, body); err != nil {
			b.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
}

// fetch reads entries as database/sql does.
func fetch(b *testing.B, db *sql.DB, rows int) {
	b.Helper()
	found, err := db.QueryContext(b.Context(), `SELECT seq, ts, body FROM entry WHERE seq <= $1 ORDER BY seq`, rows)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = found.Close() }()
	var seq, ts int64
	var text sql.RawBytes
	for found.Next() {
		if err := found.Scan(&seq, &ts, &text); err != nil {
			b.Fatal(err)
		}
	}
	if err := found.Err(); err != nil {
		b.Fatal(err)
	}
}
