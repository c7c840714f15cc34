package ratelimit

import (
	"strconv"
	"testing"
	"time"
)

func TestAttempts(t *testing.T) {
	a, now := newAttempts(attemptBurst, attemptEvery), time.Unix(1_700_000_000, 0)
	try := func(address string, failed bool) bool {
		if !a.enter(address, now) {
			return false
		}
		a.leave(address, failed, now)
		return true
	}
	for i := range 50 {
		if !try("10.0.0.1", false) {
			t.Fatalf("the %dth success is refused", i)
		}
	}
	for i := range attemptBurst {
		if !try("10.0.0.1", true) {
			t.Fatalf("the %dth failure is refused", i)
		}
	}
	if try("10.0.0.1", false) {
		t.Error("there is no limit")
	}
	if !try("10.0.0.2", false) {
		t.Error("another address is refused")
	}
	now = now.Add(attemptEvery)
	if !try("10.0.0.1", true) || try("10.0.0.1", true) {
		t.Error("after a while there is not one attempt more")
	}
	for i := range attemptBurst {
		if !a.enter("2001:db8::1", now) {
			t.Fatalf("the %dth under way is refused", i)
		}
	}
	if a.enter("2001:db8::2", now) {
		t.Error("another address of the same network is a way around")
	}
	if !a.enter("2001:db8:0:1::1", now) {
		t.Error("another network is refused")
	}
	for range attemptBurst {
		a.leave("2001:db8::1", false, now)
	}
	if !a.enter("2001:db8::2", now) {
		t.Error("what has ended well still counts")
	}
}

func TestAttemptsForget(t *testing.T) {
	a, now := newAttempts(attemptBurst, attemptEvery), time.Unix(1_700_000_000, 0)
	for range attemptBurst {
		a.enter("192.0.2.1", now)
		a.leave("192.0.2.1", true, now)
	}
	for i := range 2 * maxOrigins {
		address := "10." + strconv.Itoa(i>>16&255) + "." + strconv.Itoa(i>>8&255) + "." + strconv.Itoa(i&255)
		a.enter(address, now)
		a.leave(address, false, now)
	}
	if n := len(a.byAddress); n > maxOrigins {
		t.Errorf("%d addresses are known", n)
	}
	if a.enter("192.0.2.1", now) {
		t.Error("many other addresses make the failures of one forgotten")
	}
}
