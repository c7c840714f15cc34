package readiness

import (
	"bytes"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestStreamsHeldBack(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	now := time.Now()
	s := Streams{Logger: slog.New(slog.NewTextHandler(&log, nil)), Now: func() time.Time { return now }}
	told := func(want int) {
		t.Helper()
		if n := strings.Count(log.String(), "proxy=192.0.2.1:80"); n != want {
			t.Errorf("the log has it %d times, want %d", n, want)
		}
	}
	if s.line() != "" {
		t.Error("nothing is held back yet")
	}
	s.Asked("1", "c", "192.0.2.1:80")
	s.Asked("buffered", "a", "192.0.2.1:80")
	s.Asked("buffered", "b", "192.0.2.1:80")
	now = now.Add(time.Minute)
	s.Asked("buffered", "a", "192.0.2.1:80")
	told(1)
	if got := s.line(); !strings.HasSuffix(got, ": 2") {
		t.Errorf("two sessions are %q", got)
	}
	now = now.Add(90 * time.Second)
	if got := s.line(); !strings.HasSuffix(got, ": 1") {
		t.Errorf("one session is left: %q", got)
	}
	now = now.Add(time.Hour)
	if got := s.line(); got != "" {
		t.Errorf("what is over is told of: %q", got)
	}
	for i := range 2 * maxHeld {
		s.Asked("buffered", strconv.Itoa(i), "192.0.2.1:80")
	}
	told(2)
	if len(s.last) != maxHeld {
		t.Errorf("%d are remembered, want %d", len(s.last), maxHeld)
	}
}
