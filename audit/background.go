package audit

import (
	"context"
	"slices"
	"time"
)

// Verified says how far the log was verified in the background.
type Verified struct {
	At       time.Time // when the last verification ended; zero: none has
	All      time.Time // when the last one of the whole log ended
	Size     int64     // up to which record the log is verified
	Running  bool
	Done     int64     // of the one that runs: up to which record it is
	Total    int64     // of the one that runs: the last record
	Findings []Finding // of the last verification of the whole log, and those since
	Err      error     // why the last one could not be done; nil: it could
}

// Verified returns how far the log was verified in the background.
func (l *Log) Verified() Verified { return *l.verified.Load() }

// verifyAgain verifies the whole log at the start and once a day, and what is
// new in between, until ctx ends.
func (l *Log) verifyAgain(ctx context.Context) {
	if l.cfg.VerifyEvery <= 0 {
		return
	}
	var last Checkpoint
	var all time.Time
	for ctx.Err() == nil {
		if time.Since(all) >= verifyAllEvery {
			last = Checkpoint{}
		}
		report, err := l.verifyOnce(ctx, last)
		if err == nil && last.Size == 0 {
			all = time.Now()
		}
		if err == nil && report.OK() {
			last = Checkpoint{Origin: l.origin, Size: report.Size, Root: report.Root, Kept: report.Kept}
		}
		rest(ctx, l.cfg.VerifyEvery)
	}
}

func (l *Log) verifyOnce(ctx context.Context, from Checkpoint) (Report, error) {
	status := l.Verified()
	status.Running = true
	show := func() { s := status; l.verified.Store(&s) }
	report, err := l.Verify(ctx, VerifyOptions{From: from, Anchor: l.newestAnchor(ctx), Search: l.cfg.SearchRead, Gentle: true,
		Progress: func(done, total int64) { status.Done, status.Total = done, total; show() }})
	if ctx.Err() != nil {
		return report, err
	}
	known := len(status.Findings)
	status.Running, status.Err, status.At = false, err, l.cfg.Now()
	if err == nil {
		status.Size = report.Size
		if from.Size == 0 {
			status.All, status.Findings = status.At, nil
		}
		status.Findings = slices.Clone(status.Findings)
		for _, f := range report.Findings {
			if !slices.Contains(status.Findings, f) && len(status.Findings) < maxFindings {
				status.Findings = append(status.Findings, f)
			}
		}
	}
	show()
	switch {
	case err != nil:
		l.cfg.Logger.Warn("the log could not be verified", "error", err)
	case len(status.Findings) > 0 && len(status.Findings) != known:
		l.cfg.Logger.Error("verification of the log has findings", "findings", len(status.Findings), "first", status.Findings[0].Text)
	}
	return report, err
}

// newestAnchor is the anchored checkpoint with the most records; those that
// cannot be read are warned of elsewhere.
func (l *Log) newestAnchor(ctx context.Context) []byte {
	var newest []byte
	var size int64
	for _, a := range l.cfg.Anchors {
		signed, err := a.Last(ctx)
		if err != nil || signed == nil {
			continue
		}
		if c, err := ParseCheckpoint(signed, l.keys...); err != nil || c.Size >= size {
			newest, size = signed, c.Size
		}
	}
	return newest
}

// VerifyEvery is how long the background rests between two verifications; 0:
// there are none.
func (l *Log) VerifyEvery() time.Duration { return l.cfg.VerifyEvery }
