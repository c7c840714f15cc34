package auditview

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"coc-console/audit"
	"coc-console/audit/retention"
	"coc-console/audit/search"
	"coc-console/audit/verify"
	"coc-console/internal/ansi"
	"coc-console/internal/clock"
	"coc-console/internal/present"
	"coc-console/templates"
)

// Standing is what tells how the log stands.
type Standing struct {
	Log       *audit.Log
	Index     *search.Index
	Verifier  *verify.Background
	Clocks    *clock.Monitor
	Databases map[string]func(context.Context) (int64, error) // by name: their sizes in bytes
	Data      string                                          // the folder of the log
	Shared    bool                                            // the log is in PostgreSQL instead
	Keep      time.Duration                                   // after which contents are removed; 0: never
}

// maxFindings is how many findings of the verification a page lists.
const maxFindings = 20

// Verified is how the log's verification stands. It asks nobody.
func (s Standing) Verified() *templates.Integrity {
	verified := s.Verifier.Status()
	i := &templates.Integrity{VerifiedAt: verified.At, Verified: verified.Size, All: verified.All, Running: verified.Running,
		Done: verified.Done, Of: verified.Total, Failed: verified.Err != nil, Origin: s.Log.Origin(),
		PublicKey: s.Log.PublicKey(), CanVerify: s.Verifier.Every() > 0}
	if every := s.Verifier.Every(); every > 0 && !verified.At.IsZero() {
		i.Next = verified.At.Add(every)
	}
	for _, f := range verified.Findings[:min(len(verified.Findings), maxFindings)] {
		i.Findings = append(i.Findings, finding(f))
	}
	i.MoreFindings = len(verified.Findings) - len(i.Findings)
	for _, f := range verified.Notes {
		i.Notes = append(i.Notes, finding(f))
	}
	if i.Verified > 0 {
		i.Replica, _ = os.Hostname() // without a name the page says "this console" alone
	}
	return i
}

// Read is Verified with what has to be asked for.
func (s Standing) Read(ctx context.Context, now time.Time) (*templates.Integrity, error) {
	i := s.Verified()
	if signed, err := s.Log.Checkpoint(ctx); err == nil { // whatever is wrong with it is warned of by Health
		i.Signed, i.SignedAt = signed.Size, signed.Time
	}
	for _, a := range s.Log.Anchors() {
		state := templates.AnchorState{Name: ansi.VisibleLine(a.Name), Size: a.Size, At: a.At}
		if state.Failed = a.Err != nil; state.Failed {
			state.Error = ansi.VisibleLine(a.Err.Error())
		}
		if a.Late(now) {
			state.Pending = a.Pending
		}
		i.Anchors = append(i.Anchors, state)
	}
	periods, err := verify.KeyPeriods(ctx, s.Log)
	if err != nil {
		return nil, err
	}
	for _, p := range periods {
		i.Keys = append(i.Keys, templates.KeyPeriod{Key: p.Key, From: p.From, To: p.To, Checkpoints: p.Checkpoints,
			Own: p.Key != "" && p.Key == i.PublicKey})
	}
	for _, c := range s.Clocks.Skews() {
		i.Clocks = append(i.Clocks, templates.ClockState{Against: c.Against, By: c.By, Off: c.Off})
	}
	holds, err := retention.Holds(ctx, s.Index)
	if err != nil {
		return nil, err
	}
	for _, h := range holds {
		i.Holds = append(i.Holds, templates.LegalHold{Number: strconv.FormatInt(h.Number, 10), Query: ansi.Visible(h.Query), Reason: ansi.Visible(h.Reason),
			By: ansi.VisibleLine(h.By), At: h.Since, Record: present.RecordAddress(h.Number)})
	}
	i.KeepDays = int(s.Keep.Hours() / 24)
	s.commands(i)
	return i, s.size(ctx, i, now)
}

// size says what the log takes, and what it is going to.
func (s Standing) size(ctx context.Context, i *templates.Integrity, now time.Time) error {
	figures, err := s.Log.Figures(ctx)
	if err != nil {
		return err
	}
	if i.Pruned, err = s.Log.Pruned(ctx); err != nil {
		return err
	}
	for _, size := range s.Databases {
		n, err := size(ctx)
		if err != nil {
			return err
		}
		i.Bytes += n
	}
	g, err := retention.GrowthOf(ctx, s.Log, i.Bytes, now)
	i.Records, i.Free = figures.Size, int64(min(figures.Space.Free, 1<<62))
	i.GrowthKnown, i.Full = g.Known, g.Full
	i.RecordsPerDay, i.BytesPerDay = int64(g.RecordsPerDay), int64(g.BytesPerDay)
	return err
}

// commands are how to check the log without this console.
func (s Standing) commands(i *templates.Integrity) {
	at := "--data " + quoted(s.Data)
	if s.Shared {
		at = `--database "$COC_CONSOLE_DATABASE"`
	}
	anchor := "kept-checkpoint"
	for _, a := range s.Log.Anchors() {
		if filepath.IsAbs(a.Name) || strings.HasPrefix(a.Name, ".") { // a file's name is its path
			anchor = a.Name
		}
	}
	key := quoted(cmp.Or(i.PublicKey, "KEY"))
	i.Commands = []templates.Command{
		{Does: "checkpoint", Text: "coc-console audit checkpoint " + at + " > kept-checkpoint"},
		{Does: "verify", Text: "coc-console audit verify " + at + " --public-key " + key + " --anchor " + quoted(anchor)},
		{Does: "bundle", Text: "coc-console audit verify-bundle audit.zip --public-key " + key},
	}
}

// quoted is a word as shells take it.
func quoted(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-:", r)
	}
	if word != "" && strings.TrimFunc(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// finding is what a verification has found.
func finding(f verify.Finding) templates.Finding {
	out := templates.Finding{Kind: f.Kind, Text: ansi.Visible(f.Text), Sequence: f.Sequence}
	if f.Sequence > 0 {
		out.Address = present.RecordAddress(f.Sequence)
	}
	return out
}
