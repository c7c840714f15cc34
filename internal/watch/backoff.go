package watch

import (
	"errors"
	"time"

	"coc-console/internal/coc"
)

// jitter is how far a wait may be off to either side, so that polls of many
// tickets do not stay in step.
const jitter = 0.1

// maxRetryAfter bounds what COC may ask for.
const maxRetryAfter = 5 * time.Minute

// backoff is the wait until the next poll after a number of failures in a row.
// random is in [0,1).
func backoff(base time.Duration, failures int, backoff, retryAfter time.Duration, random float64) time.Duration {
	wait := base
	for range failures {
		if wait *= 2; wait >= backoff {
			wait = max(base, backoff)
			break
		}
	}
	wait = time.Duration(float64(wait) * (1 - jitter + 2*jitter*random))
	// Spread past what was asked for, never before it.
	asked := min(retryAfter, maxRetryAfter)
	return max(wait, asked+time.Duration(float64(asked)*jitter*random))
}

// retryAfter is what the error asks for, 0 when it does not.
func retryAfter(err error) time.Duration {
	if upstream, ok := errors.AsType[*coc.Error](err); ok {
		return upstream.RetryAfter
	}
	return 0
}

// gravest picks the error that a poll of several calls ends with: a refusal of
// the session before all, then the one that asks for the longest wait.
func gravest(errs ...error) error {
	var worst error
	for _, err := range errs {
		switch {
		case err == nil:
		case denial(err) != nil:
			return err
		case worst == nil || retryAfter(err) > retryAfter(worst):
			worst = err
		}
	}
	return worst
}
