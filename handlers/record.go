package handlers

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/ansi"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/present"
	"coc-console/templates"
)

// Record shows one record of the log, with what proves it.
func (h *Handlers) Record(c echo.Context) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	r, pruned, err := h.readable(c)
	if err != nil {
		return err
	}
	page := present.RecordPage(v.sees().Show(r))
	page.Frame = h.Frame(c, i18n.T(ctx).Title.Record(r.Sequence), templates.SectionAudit)
	if page.Evidence, err = h.evidence(ctx, v, r, pruned); err != nil {
		return err
	}
	if err := h.neighbours(ctx, v, &page); err != nil {
		return err
	}
	if err := h.siblings(ctx, &page); err != nil {
		return err
	}
	h.noteView(c,
		audit.Record{Action: audit.ActionAuditViewed, Detail: detail("sequence", present.Decimal(r.Sequence))})
	return Render(c, http.StatusOK, page)
}

// readable returns the record of the address, if the reader may see it. Of one
// that was pruned only its number is left: nobody knows whose it was, so
// managers alone see that.
func (h *Handlers) readable(c echo.Context) (r audit.Record, pruned bool, err error) {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	sequence, err := coc.ParseID(c.Param("sequence"))
	if err != nil {
		return r, false, &Problem{Status: http.StatusNotFound, Kind: ProblemNotFound,
			Value: shortened(c.Param("sequence")), Err: err}
	}
	r, err = h.log.Record(ctx, sequence)
	if errors.Is(err, audit.ErrNotFound) {
		upto, unknown := h.log.Pruned(ctx)
		if unknown != nil {
			return r, false, unknown
		}
		if sequence > upto {
			return r, false, err // an unknown one is "not found"
		}
		r, pruned, err = audit.Record{Sequence: sequence}, true, nil
	}
	if err != nil {
		return r, pruned, err
	}
	if err := h.mayRead(ctx, v, r); err != nil {
		return r, pruned, h.denied(c, err)
	}
	return r, pruned, nil
}

// evidence is what shows that the record is in the log as it was written.
func (h *Handlers) evidence(ctx context.Context, v Viewer, r audit.Record, pruned bool) (templates.Evidence, error) {
	e := templates.Evidence{Pruned: pruned, Index: r.Sequence - 1}
	leaf, err := h.log.Leaf(ctx, r.Sequence)
	damaged := errors.Is(err, audit.ErrDamaged)
	if err != nil && !damaged {
		return e, err
	}
	e.Leaf = hex.EncodeToString(leaf[:])
	if !pruned {
		entry, err := h.log.Entry(ctx, r.Sequence)
		if err != nil {
			return e, err
		}
		if v.sees().Whole(r) {
			e.Body, e.Size, e.BytesAddress = ansi.Visible(string(entry.Body)), len(entry.Body),
				present.RecordAddress(r.Sequence)+"/bytes"
		}
		e.Leaf = hex.EncodeToString(entry.Leaf[:])
		e.Altered = damaged || entry.Leaf != leaf
	}
	signed, hashes, err := h.proof(ctx, r.Sequence)
	if errors.Is(err, audit.ErrNotFound) || errors.Is(err, audit.ErrSignature) || errors.Is(err, audit.ErrDamaged) {
		return e, nil // nothing vouches for it; the page says so
	}
	if err != nil {
		return e, err
	}
	e.Checkpoint, e.CheckpointSize, e.Signed, e.Proof = ansi.Visible(string(signed.Note)), signed.Size, signed.Time,
		hashes
	e.ProofAddress = present.RecordAddress(r.Sequence) + "/proof"
	if v.Manager && !pruned { // bundles are theirs alone
		e.Bundle = bundleAddress(r)
		e.Command = "coc-console audit verify-bundle FILE.zip --public-key '" + h.log.PublicKey() + "'"
	}
	return e, nil
}

// bundleAddress exports one record alone: no two records have the same time.
func bundleAddress(r audit.Record) string {
	at := func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
	return present.Address("/audit/export",
		url.Values{"format": {"bundle"}, "from": {at(r.Time)}, "to": {at(r.Time.Add(time.Microsecond))}})
}

// proof is the first checkpoint that covers a record, and the hashes that lead
// from the record's leaf to its root, in base64.
func (h *Handlers) proof(ctx context.Context, sequence int64) (audit.Checkpoint, []string, error) {
	signed, err := h.log.Covering(ctx, sequence)
	if err != nil {
		return signed, nil, err
	}
	proof, err := h.log.Prove(ctx, sequence, signed.Size)
	if err != nil {
		return signed, nil, err
	}
	hashes := make([]string, len(proof))
	for i, hash := range proof {
		hashes[i] = hash.String()
	}
	return signed, hashes, nil
}

// RecordBytes sends a record's exact bytes, whose hash is its leaf.
func (h *Handlers) RecordBytes(c echo.Context) error {
	ctx := c.Request().Context()
	r, pruned, err := h.readable(c)
	if err != nil {
		return err
	}
	if pruned {
		return notFound()
	}
	if v, _ := ViewerFrom(ctx); !v.sees().Whole(r) {
		return h.denied(c, errDenied)
	}
	entry, err := h.log.Entry(ctx, r.Sequence)
	if err != nil {
		return err
	}
	h.noteView(c,
		audit.Record{Action: audit.ActionAuditViewed, Detail: detail("sequence", present.Decimal(r.Sequence))})
	attach(c, "record-"+present.Decimal(r.Sequence)+".json")
	return c.Blob(http.StatusOK, echo.MIMEOctetStream, entry.Body)
}

// RecordProof sends a record's proof as a C2SP tlog-proof.
func (h *Handlers) RecordProof(c echo.Context) error {
	ctx := c.Request().Context()
	r, _, err := h.readable(c)
	if err != nil {
		return err
	}
	signed, hashes, err := h.proof(ctx, r.Sequence)
	if err != nil {
		return err // one that no checkpoint covers yet is "not found"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "c2sp.org/tlog-proof@v1\nindex %d\n", r.Sequence-1)
	for _, hash := range hashes {
		b.WriteString(hash + "\n")
	}
	b.WriteString("\n" + string(signed.Note))
	h.noteView(c,
		audit.Record{Action: audit.ActionAuditViewed, Detail: detail("sequence", present.Decimal(r.Sequence))})
	attach(c, "record-"+present.Decimal(r.Sequence)+".tlog-proof")
	return c.Blob(http.StatusOK, echo.MIMETextPlainCharsetUTF8, []byte(b.String()))
}

func attach(c echo.Context, name string) {
	c.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="`+name+`"`)
}

// Checkpoint sends the latest signed checkpoint, a C2SP signed note.
func (h *Handlers) Checkpoint(c echo.Context) error {
	signed, err := h.log.Checkpoint(c.Request().Context())
	if errors.Is(err, audit.ErrNotFound) {
		return notFound() // nothing is signed yet
	}
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, echo.MIMETextPlainCharsetUTF8, signed.Note)
}

// siblings lists the records of the same operation.
func (h *Handlers) siblings(ctx context.Context, page *templates.Record) error {
	if page.OperationID == "" {
		return nil
	}
	records, err := h.index.Operation(ctx, page.OperationID)
	if err != nil {
		return err
	}
	for _, r := range records {
		page.Siblings = append(page.Siblings, templates.Sibling{Sequence: r.Sequence, Time: r.When(), Action: string(r.Action),
			Address: present.RecordAddress(r.Sequence)})
	}
	page.Timeline = present.TimelineAddress("operation", page.OperationID)
	return nil
}

// neighbours links the records before and after that the reader may see.
func (h *Handlers) neighbours(ctx context.Context, v Viewer, page *templates.Record) error {
	q := search.Query{Limit: 1, Before: page.Sequence,
		Visible: search.Visibility{All: v.Manager, UserID: v.Actor.UserID}}
	before, err := h.index.Search(ctx, q)
	if err != nil {
		return err
	}
	q.Before, q.After = 0, page.Sequence
	after, err := h.index.Search(ctx, q)
	if err != nil {
		return err
	}
	if len(before.Records) > 0 {
		page.Previous = present.RecordAddress(before.Records[0].Sequence)
	}
	if len(after.Records) > 0 {
		page.Next = present.RecordAddress(after.Records[0].Sequence)
	}
	return nil
}
