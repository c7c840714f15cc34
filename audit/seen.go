package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"coc-console/internal/clock"
	"coc-console/internal/files"
)

// OriginOf is the name of the log that a checkpoint says it is of. Nothing is
// verified.
func OriginOf(signed []byte) string {
	origin, _, _ := strings.Cut(string(signed), "\n")
	return origin
}

// Name gives a log its name, if no console has done so yet, and needs no key.
func Name(ctx context.Context, cfg Config) error {
	cfg.Key = nil
	_, err := prepare(ctx, cfg, (*Log).nameOnce)
	return err
}

// seenEvery is how often a console notes how far its log has come.
const seenEvery = 5 * time.Second

// seen notes the latest checkpoint in a file beside the log until ctx ends, so
// that the next start misses a log, or the end of one, that was left behind
// when its folder was copied.
func (l *Log) seen(ctx context.Context) {
	if l.cfg.Seen == "" {
		return
	}
	for ctx.Err() == nil {
		l.noteSeen()
		clock.Sleep(ctx, seenEvery)
	}
}

// noteSeen writes the latest checkpoint, if it is a newer one.
func (l *Log) noteSeen() {
	c := l.anchors.latest.Load()
	if l.cfg.Seen == "" || c == nil || bytes.Equal(c.Note, l.lastSeen) {
		return
	}
	if err := files.Replace(l.cfg.Seen, c.Note); err != nil {
		l.cfg.Logger.Warn("how far the log has come is not noted beside it", "file", l.cfg.Seen, "error", err)
		return
	}
	l.lastSeen = c.Note
}

// checkSeen compares the log with what was noted of it.
func (l *Log) checkSeen(ctx context.Context) error {
	if l.cfg.Seen == "" {
		return nil
	}
	signed, err := os.ReadFile(l.cfg.Seen)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = l.checkSigned(ctx, signed)
	}
	if err != nil {
		return fmt.Errorf("%s, which notes how far the log of this folder had come (if another log is meant to be here, move that file away): %w",
			l.cfg.Seen, err)
	}
	return nil
}
