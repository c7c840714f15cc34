package search

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"coc-console/internal/sqlutil"
)

// A tally says of a number how many records up to it have which outcome, with those that were removed since. What lies
// between two numbers is their difference, so that the chart of a whole log costs as much as that of an hour.

// tallyEvery is after how many records a tally is kept: what is beyond the last one is counted.
const tallyEvery = 256

// indexTallies keeps the tallies that a batch reaches.
func indexTallies(ctx context.Context, tx *sql.Tx, b copied) error {
	if b.records[len(b.records)-1].Sequence/tallyEvery == b.from/tallyEvery {
		return nil
	}
	before, err := tallies(ctx, tx, []int64{b.from})
	if err != nil {
		return err
	}
	now := before[0]
	for i := range b.records {
		r := &b.records[i]
		if now = now.add(string(r.Action), string(r.Outcome), 1); r.Sequence%tallyEvery == 0 {
			if err := insertTally(ctx, tx, r.Sequence, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// keepTally keeps the tally of a number up to which records are going to be removed.
func (x *Index) keepTally(ctx context.Context, mark int64) error {
	at, err := tallies(ctx, x.read, []int64{mark})
	if err != nil {
		return err
	}
	return insertTally(ctx, x.write, mark, at[0])
}

func insertTally(ctx context.Context, db interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}, seq int64, counts outcomeCounts) error {
	text, err := json.Marshal(counts)
	if err == nil {
		_, err = db.ExecContext(ctx, `INSERT INTO tally (seq, counts) VALUES ($1, $2) ON CONFLICT DO NOTHING`, seq,
			string(text))
	}
	return sqlutil.Wrap(err, "keep the tally of record", strconv.FormatInt(seq, 10))
}

// tallies are those of some numbers, in their order.
func tallies(ctx context.Context, db interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}, numbers []int64) ([]outcomeCounts, error) {
	var args sqlutil.Args
	wanted := make([]string, len(numbers))
	for i, n := range numbers {
		wanted[i] = "(" + strconv.Itoa(i) + ", CAST(" + args.Add(n) + " AS BIGINT))"
	}
	with := `WITH wanted (n, upto) AS (VALUES ` + strings.Join(wanted, ", ") + `),
		kept (n, upto, seq) AS (SELECT n, upto,
			coalesce((SELECT max(t.seq) FROM tally t WHERE t.seq <= upto), 0) FROM wanted) `
	out := make([]outcomeCounts, len(numbers))
	var i, n int
	var text, action, outcome string
	rows := sqlutil.Read(ctx, db, with+`SELECT k.n, t.counts FROM kept k JOIN tally t ON t.seq = k.seq`, args...)
	for rows.Next(&i, &text) {
		if err := json.Unmarshal([]byte(text), &out[i]); err != nil {
			return nil, fmt.Errorf("read the tally of record %d: %w", numbers[i], err)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read tallies: %w", err)
	}
	rows = sqlutil.Read(ctx, db, with+`SELECT k.n, r.action, r.outcome, count(*) FROM kept k CROSS JOIN record r
		WHERE r.seq > k.seq AND r.seq <= k.upto GROUP BY k.n, r.action, r.outcome`, args...)
	for rows.Next(&i, &action, &outcome, &n) {
		out[i] = out[i].add(action, outcome, n)
	}
	return out, sqlutil.Wrap(rows.Err(), "count records beyond a tally")
}

// tallied counts all records of bars that the search tables have. first are the numbers of the bars' first records, and
// of the one after the last bar.
func (x *Index) tallied(ctx context.Context, first []int64, upto int64, counts []outcomeCounts) error {
	ends := make([]int64, len(first))
	for i := range first {
		ends[i] = min(first[i]-1, upto)
	}
	at, err := tallies(ctx, x.read, ends)
	if err != nil {
		return err
	}
	for i := range counts {
		counts[i] = maps.Clone(at[i+1])
		for o, n := range at[i] {
			counts[i] = counts[i].plus(o, -n)
		}
	}
	return nil
}
