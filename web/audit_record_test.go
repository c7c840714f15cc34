package web_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/retention"
	"coc-console/internal/i18n"
)

var (
	shownHash = regexp.MustCompile(`<li><code>([^<]+)</code></li>`)
	shownNote = regexp.MustCompile(`(?s)<code id="checkpoint"[^>]*>(.*?)</code>`)
)

// engines runs a test on both databases.
func engines(t *testing.T, run func(t *testing.T, c *console)) {
	t.Run("sqlite", func(t *testing.T) { run(t, start(t)) })
	t.Run("postgresql", func(t *testing.T) { run(t, start(t, func(s *settings) { s.dsn = audittest.Postgres(t) })) })
}

// covered waits until a signed checkpoint covers a record.
func (c *console) covered(t testing.TB, sequence int64) audit.Checkpoint {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range 1000 {
		signed, err := c.log.Checkpoint(context.Background())
		if err == nil && signed.Size >= sequence {
			return signed
		}
		<-tick.C
	}
	t.Fatalf("no checkpoint covers record %d", sequence)
	return audit.Checkpoint{}
}

// verified checks a tlog-proof of a record's bytes, and returns its checkpoint.
func verified(t *testing.T, c *console, proof, body string, sequence int64) audit.Checkpoint {
	t.Helper()
	head, signed, ok := strings.Cut(proof, "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || lines[0] != "c2sp.org/tlog-proof@v1" || lines[1] != "index "+number(sequence-1) {
		t.Fatalf("it is no tlog-proof: %q", proof)
	}
	checkpoint, err := audit.ParseCheckpoint([]byte(signed), c.log.PublicKey())
	must(t, err)
	var hashes tlog.RecordProof
	for _, line := range lines[2:] {
		hash, err := tlog.ParseHash(line)
		must(t, err)
		hashes = append(hashes, hash)
	}
	must(t, tlog.CheckRecord(hashes, checkpoint.Size, checkpoint.Root, sequence-1, tlog.RecordHash([]byte(body))))
	return checkpoint
}

// TestRecordIsProven: what the page of a record offers for download proves it to
// whoever has the log's public key alone.
func TestRecordIsProven(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, c *console) {
		b := c.signedIn(t, "operator", i18n.EnUS)
		b.settled(b.apply(c.newOperation("running", "operation_type=PAUSE_ORDER"), `a <b> & "c"`).location())
		requested := c.only(audit.ActionOperationRequested)
		address := "/audit/" + number(requested.Sequence)
		c.covered(t, requested.Sequence)
		body := b.get(address + "/bytes")
		b.want(body, http.StatusOK)
		if body.Header.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(body.Header.Get("Content-Disposition"), "attachment; filename=") {
			t.Errorf("the bytes come as %v", body.Header)
		}
		entry, err := c.log.Entry(t.Context(), requested.Sequence)
		must(t, err)
		if !bytes.Equal(entry.Body, []byte(body.body)) {
			t.Errorf("the bytes are %q, not %q", body.body, entry.Body)
		}
		proof := b.get(address + "/proof")
		b.want(proof, http.StatusOK)
		verified(t, c, proof.body, body.body, requested.Sequence)

		p := b.get(address)
		leaf := tlog.RecordHash(entry.Body)
		b.want(p, http.StatusOK, hex.EncodeToString(leaf[:]), body.body)
		m := c.signedIn(t, "manager", i18n.EnUS)
		m.want(m.get(address), http.StatusOK, "--public-key '"+c.log.PublicKey()+"'") // bundles are theirs
		if strings.Contains(p.body, "format=bundle") {
			t.Error("an operator is offered what only managers get")
		}
		var text strings.Builder // of the proof that the page shows: a later checkpoint may have come since
		text.WriteString("c2sp.org/tlog-proof@v1\nindex " + number(requested.Sequence-1) + "\n")
		for _, m := range shownHash.FindAllStringSubmatch(p.body, -1) {
			text.WriteString(unescaped(m[1]) + "\n")
		}
		text.WriteString("\n" + unescaped(shownNote.FindStringSubmatch(p.body)[1]))
		signed := verified(t, c, text.String(), body.body, requested.Sequence)
		b.want(p, http.StatusOK, i18n.Line.In(i18n.EnUS).Size(signed.Size))
		if strings.Contains(p.body, `id="altered"`) {
			t.Error("a record that is as it was written is called altered")
		}
	})
}

var siblingLinks = regexp.MustCompile(`(?s)<ol class="stages line">.*?</ol>`)

// TestRecordLinksItsOperation: from one record of an operation the others are a
// click away.
func TestRecordLinksItsOperation(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	b.settled(b.apply(c.newOperation("running", "operation_type=PAUSE_ORDER"), "why").location())
	requested, observed := c.only(audit.ActionOperationRequested).Sequence, c.only(audit.ActionOperationObserved).Sequence
	list := siblingLinks.FindString(b.get("/audit/" + number(requested)).body)
	if !strings.Contains(list, `href="/audit/`+number(observed)+`"`) || strings.Contains(list, `href="/audit/`+number(requested)+`"`) {
		t.Errorf("the operation's records are %q", list)
	}
}

// TestPrunedRecord: what was removed is said to be, and still proven; only
// managers see it, because nobody knows any more whose it was.
func TestPrunedRecord(t *testing.T) {
	t.Parallel()
	c := start(t)
	manager := c.signedIn(t, "manager", i18n.EnUS)
	actor := c.only(audit.ActionSessionSignedIn).Actor
	body := manager.get("/audit/1/bytes").body
	for range 300 {
		_, err := c.log.Append(t.Context(), audit.Record{Action: audit.ActionTicketListed, Outcome: audit.OutcomeSucceeded, Actor: actor})
		must(t, err)
	}
	size, err := c.log.Size(t.Context())
	must(t, err)
	c.covered(t, size)
	last, err := retention.Prune(t.Context(), c.index, c.clock.now().Add(time.Hour), actor)
	must(t, err)
	if last != 256 {
		t.Fatalf("pruned up to %d", last)
	}
	text := i18n.For(i18n.EnUS).Record.Pruned
	p := manager.get("/audit/1")
	manager.want(p, http.StatusOK, text)
	verified(t, c, manager.get("/audit/1/proof").body, body, 1)
	manager.want(manager.get("/audit/1/bytes"), http.StatusNotFound)
	operator := c.signedIn(t, "operator", i18n.EnUS)
	for _, path := range []string{"/audit/1", "/audit/1/bytes", "/audit/1/proof"} {
		operator.want(operator.get(path), http.StatusForbidden)
	}
	if p := manager.get("/audit/257"); strings.Contains(p.body, text) {
		t.Error("a record that is there is called removed")
	}
	manager.want(manager.get("/audit/"+strconv.Itoa(1<<40)), http.StatusNotFound)
}

// TestCheckpointAddress: anybody with the public key can read what is served.
func TestCheckpointAddress(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "manager", i18n.EnUS)
	want := c.covered(t, 1)
	p := b.get("/audit/checkpoint")
	b.want(p, http.StatusOK)
	if p.Header.Get("Content-Type") != "text/plain; charset=UTF-8" {
		t.Errorf("it comes as %s", p.Header.Get("Content-Type"))
	}
	got, err := audit.ParseCheckpoint([]byte(p.body), c.log.PublicKey())
	must(t, err)
	if got.Origin != "console.example/audit" || got.Size < want.Size {
		t.Errorf("the checkpoint is %+v", got)
	}
}
