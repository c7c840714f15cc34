package auditview

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/ansi"
	"coc-console/internal/present"
	"coc-console/templates"
)

// Proof is the first checkpoint that covers a record, and the hashes that lead from the record's leaf to its root, in
// base64. ErrNotFound when none covers it yet.
func (s Standing) Proof(ctx context.Context, sequence int64) (audit.Checkpoint, []string, error) {
	signed, err := s.Log.Covering(ctx, sequence)
	if err != nil {
		return signed, nil, err
	}
	proof, err := s.Log.Prove(ctx, sequence, signed.Size)
	if err != nil {
		return signed, nil, err
	}
	hashes := make([]string, len(proof))
	for i, hash := range proof {
		hashes[i] = hash.String()
	}
	return signed, hashes, nil
}

// TlogProof is a record's proof as a C2SP tlog-proof.
func (s Standing) TlogProof(ctx context.Context, sequence int64) (string, error) {
	signed, hashes, err := s.Proof(ctx, sequence)
	if err != nil {
		return "", err // one that no checkpoint covers yet is "not found"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "c2sp.org/tlog-proof@v1\nindex %d\n", sequence-1)
	for _, hash := range hashes {
		b.WriteString(hash + "\n")
	}
	b.WriteString("\n" + string(signed.Note))
	return b.String(), nil
}

// vouched leaves out the errors that say that nothing vouches for a record: pages say so.
func vouched(err error) error {
	if errors.Is(err, audit.ErrNotFound) || errors.Is(err, audit.ErrSignature) || errors.Is(err, audit.ErrDamaged) {
		return nil
	}
	return err
}

// Evidence is what shows that a record is in the log as it was written. Of one that was pruned only its number is
// known.
func (s Standing) Evidence(ctx context.Context, v search.Visibility, r audit.Record,
	pruned bool) (templates.Evidence, error) {
	e := templates.Evidence{Pruned: pruned, Index: r.Sequence - 1, Integrity: s.shown(v)}
	leaf, err := s.Log.Leaf(ctx, r.Sequence)
	damaged := errors.Is(err, audit.ErrDamaged)
	if err != nil && !damaged {
		return e, err
	}
	e.Leaf = hex.EncodeToString(leaf[:])
	if e.Records, err = s.Log.Size(ctx); err != nil {
		return e, err
	}
	if !pruned {
		entry, err := s.Log.Entry(ctx, r.Sequence)
		if err != nil {
			return e, err
		}
		if v.Whole(r) {
			e.Body, e.Size, e.BytesAddress = ansi.Visible(string(entry.Body)), len(entry.Body),
				present.RecordAddress(r.Sequence)+"/bytes"
			e.Checks = append(e.Checks, templates.Command{Does: "hash", Text: "(printf '\\0'; cat record-" +
				present.Decimal(r.Sequence) + ".json) | sha256sum"})
		}
		e.Leaf = hex.EncodeToString(entry.Leaf[:])
		e.Altered = damaged || entry.Leaf != leaf
	}
	signed, hashes, err := s.Proof(ctx, r.Sequence)
	if err != nil {
		return e, vouched(err)
	}
	e.Checkpoint, e.CheckpointSize, e.Signed, e.Proof = ansi.Visible(string(signed.Note)), signed.Size, signed.Time,
		hashes
	e.ProofAddress = present.RecordAddress(r.Sequence) + "/proof"
	if v.All && !pruned { // bundles are theirs alone
		e.Bundle = spanBundle(r.Time, r.Time)
		e.Checks = append(e.Checks, s.checkBundle())
	}
	return e, nil
}

// shown is how the log's verification stands with its anchors, for those who see the whole log.
func (s Standing) shown(v search.Visibility) *templates.Integrity {
	if !v.All {
		return nil
	}
	i := s.Verified()
	for _, a := range s.Log.Anchors() {
		i.Anchors = append(i.Anchors, templates.AnchorState{Name: ansi.VisibleLine(a.Name), Size: a.Size, At: a.At})
	}
	return i
}

// checkBundle is the command that checks a bundle.
func (s Standing) checkBundle() templates.Command {
	return templates.Command{Does: "bundle",
		Text: "coc-console audit verify-bundle FILE.zip --public-key " + quoted(s.Log.PublicKey())}
}

// spanBundle exports all records from one time to another: no two records have the same time.
func spanBundle(first, last time.Time) string {
	at := func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
	return present.Address("/audit/export",
		url.Values{"format": {"bundle"}, "from": {at(first)}, "to": {at(last.Add(time.Microsecond))}})
}

// LineEvidence is what proves the records of a line, oldest first. Its bundle has what the query finds; without one all
// records from the first to the last.
func (s Standing) LineEvidence(ctx context.Context, v search.Visibility, records []audit.Record,
	q search.Query) (templates.LineEvidence, error) {
	e := templates.LineEvidence{Count: len(records), Integrity: s.shown(v), Ticket: q.Ticket != ""}
	if len(records) == 0 {
		return e, nil
	}
	from, to := records[0], records[0]
	for _, r := range records {
		if r.Sequence < from.Sequence {
			from = r
		}
		if r.Sequence > to.Sequence {
			to = r
		}
	}
	e.First, e.Last = from.Sequence, to.Sequence
	signed, err := s.Log.Checkpoint(ctx)
	if err != nil {
		return e, vouched(err)
	}
	if signed.Size < e.Last {
		return e, nil
	}
	e.Size, e.Signed = signed.Size, signed.Time
	if v.All {
		e.Bundle = spanBundle(from.Time, to.Time)
		if text := QueryText(q); text != "" {
			e.Bundle = present.Address("/audit/export", url.Values{"format": {"bundle"}, "q": {text}})
		}
		e.Checks = []templates.Command{s.checkBundle()}
	}
	return e, nil
}

// Neighbours are the records before and after one that the reader may see.
func (s Standing) Neighbours(ctx context.Context, v search.Visibility, sequence int64) (before,
	after templates.NumberedRecord, err error) {
	for to, q := range map[*templates.NumberedRecord]search.Query{&before: {Before: sequence},
		&after: {After: sequence}} {
		q.Limit, q.Visible = 1, v
		found, err := s.Index.Search(ctx, q)
		if err != nil {
			return before, after, err
		}
		if len(found.Records) > 0 {
			n := found.Records[0].Sequence
			*to = templates.NumberedRecord{Sequence: n, Address: present.RecordAddress(n)}
		}
	}
	return before, after, nil
}
