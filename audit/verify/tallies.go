package verify

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"slices"

	"coc-console/audit"
	"coc-console/audit/internal/merkle"
	"coc-console/audit/query"
)

// versionOfTallies is the migration of the search tables that made the tallies.
const versionOfTallies = 5

// outcomeCodes tell the outcome of each record of a chunk in a byte; 0: it was not read.
type outcomeCodes []byte

// otherOutcome is the code of all outcomes that are none of query.RowOutcomes.
const otherOutcome = 255

// rowOutcomes are made once: every record is asked for its code.
var rowOutcomes = query.RowOutcomes()

func codeOf(o audit.Outcome) byte {
	if i := slices.Index(rowOutcomes, o); i >= 0 {
		return byte(i + 1)
	}
	return otherOutcome
}

// markOutcome keeps a record's outcome for the tallies.
func (c *chunk) markOutcome(r *audit.Record) {
	if c.report.From > 0 {
		return
	}
	first := c.from * merkle.TileWidth
	if c.outcomes == nil {
		c.outcomes = make(outcomeCodes, min(c.to*merkle.TileWidth, c.upto)-first)
	}
	c.outcomes[r.Sequence-first-1] = codeOf(query.OutcomeOf(r))
}

// tally counts outcomes by their codes.
type tally [otherOutcome + 1]int64

// tallyOf reads a tally as the search tables keep it; nil where it is none.
func tallyOf(row []driver.Value) (seq int64, counts *tally) {
	seq, ok := row[0].(int64)
	text, ok2 := row[1].(string)
	var told map[audit.Outcome]int64
	if !ok || !ok2 || json.Unmarshal([]byte(text), &told) != nil {
		return seq, nil
	}
	counts = new(tally)
	for o, n := range told {
		counts[codeOf(o)] += n
	}
	return seq, counts
}

// compareTallies counts the records between a tally and the next one. Where the contents of records were removed, the
// next tally has them, and nobody can count them any more.
func (v *verification) compareTallies(ctx context.Context) error {
	var counted tally
	at := int64(0)
	return v.options.Search.EachRow(ctx, "tally", []string{"seq", "counts"}, `seq <= $1`, []any{v.upto},
		func(row []driver.Value) error {
			seq, told := tallyOf(row)
			for removed := false; at < seq; at++ {
				code := v.derived.outcome(at + 1)
				counted[code]++
				if removed = removed || code == 0; removed && at+1 == seq && told != nil {
					counted = *told
				}
			}
			if told == nil || counted != *told {
				v.add(Finding{Kind: FindingSearch, Sequence: seq, Text: "the search tables count other outcomes up to the record %d than the records have"}, seq)
			}
			return nil
		})
}

// outcome is the code of a record's outcome; 0 where it was not read.
func (d *derived) outcome(seq int64) byte {
	chunk, i := (seq-1)/chunkRecords, (seq-1)%chunkRecords
	if chunk < 0 || chunk >= int64(len(d.outcomes)) || i >= int64(len(d.outcomes[chunk])) {
		return 0
	}
	return d.outcomes[chunk][i]
}
