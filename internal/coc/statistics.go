package coc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"golang.org/x/sync/errgroup"
)

// countParallel bounds the batches that are counted at the same time.
const countParallel = 4

// Statistics reads the counts of a ticket's instances by state. Where COC's contradict each other, it counts the
// instances themselves: what an operation stops is decided by these numbers.
func (c *Client) Statistics(ctx context.Context, caller Caller, id ExecuteUUID) (Statistics, error) {
	told, addUp, err := c.ToldStatistics(ctx, caller, id)
	if err != nil || addUp {
		return told, err
	}
	counted, err := c.countInstances(ctx, caller, id)
	switch {
	case err != nil:
		return Statistics{}, err
	case counted.Total == 0 && told.Total > 0:
		return Statistics{}, fmt.Errorf("read the statistics of ticket %s: %w", id, &Error{Call: "show statistics",
			Kind: KindBadAnswer, Status: http.StatusOK, Cause: errors.New("the counts contradict each other")})
	}
	return counted, nil
}

// ToldStatistics reads the counts in one call, as COC tells them, and whether they add up.
func (c *Client) ToldStatistics(ctx context.Context, caller Caller, id ExecuteUUID) (Statistics, bool, error) {
	w, _, err := get[wireStatistics](ctx, c, caller, request{call: "show statistics",
		path: ticketPath(id, "/statistics")})
	if err != nil {
		return Statistics{}, false, fmt.Errorf("read the statistics of ticket %s: %w", id, err)
	}
	return w.decode(), w.addUp(), nil
}

// addUp reports that the counts are possible, and that their sum is the total. A ticket has instances, so that none at
// all is no answer.
func (w wireStatistics) addUp() bool {
	sum := int64(0)
	for _, c := range w.Counts {
		if c.Count < 0 || c.Count > maxCount {
			return false
		}
		sum += int64(c.Count)
	}
	return sum > 0 && sum == int64(w.Total)
}

// maxCount is far above what a ticket can have (docs/coc-api.md section 11).
const maxCount = 1_000_000

// countInstances reads all instances of a ticket and counts them.
func (c *Client) countInstances(ctx context.Context, caller Caller, id ExecuteUUID) (Statistics, error) {
	batches, err := c.Batches(ctx, caller, id)
	if err != nil {
		return Statistics{}, err
	}
	batches = batches[:min(len(batches), MaxBatchIndex)]
	rows := make([][]Instance, len(batches))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(countParallel)
	for i, b := range batches {
		g.Go(func() (err error) {
			rows[i], err = c.AllInstances(ctx, caller, id, b.Index)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return Statistics{}, err
	}
	var s Statistics
	for i, b := range batches {
		for _, r := range rows[i] {
			s.add(r.Status, b.Index)
		}
	}
	return s, nil
}

// add counts one instance.
func (s *Statistics) add(status InstanceStatus, batch int32) {
	s.Total++
	i := slices.IndexFunc(s.Counts, func(c StatusCount) bool { return c.Status == status })
	if i < 0 {
		i, s.Counts = len(s.Counts), append(s.Counts, StatusCount{Status: status})
	}
	c := &s.Counts[i]
	if c.Count++; !slices.Contains(c.Batches, batch) {
		c.Batches = append(c.Batches, batch)
	}
}
