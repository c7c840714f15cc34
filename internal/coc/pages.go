package coc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"sync"

	"coc-console/internal/upstream"
)

// pageSizes remembers of which batches a whole page does not fit into an
// answer, because their logs are long, and how many rows do.
type pageSizes struct {
	mu   sync.Mutex
	rows map[pageKey]int32
}

type pageKey struct {
	ticket ExecuteUUID
	batch  int32
}

// maxPageSizes bounds what is remembered.
const maxPageSizes = 1000

// of returns how many rows to ask for at a time.
func (p *pageSizes) of(key pageKey) int32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return cmp.Or(p.rows[key], MaxInstanceLimit)
}

// shrink remembers that so many rows are too much.
func (p *pageSizes) shrink(key pageKey, rows int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rows == nil || len(p.rows) >= maxPageSizes {
		p.rows = map[pageKey]int32{}
	}
	p.rows[key] = min(cmp.Or(p.rows[key], MaxInstanceLimit), max(1, rows/2))
}

// Instances reads one page of a batch. When its rows take more than an answer
// may, it reads them in several calls.
func (c *Client) Instances(ctx context.Context, caller Caller, id ExecuteUUID, q InstanceQuery) (InstancePage, error) {
	var page InstancePage
	wanted := cmp.Or(q.Limit, MaxInstanceLimit)
	key := pageKey{id, q.Batch}
	for {
		q.Limit = min(c.pages.of(key), wanted-int32(len(page.Instances)))
		part, err := c.instances(ctx, caller, id, q)
		if failed, ok := errors.AsType[*Error](err); ok && failed.Reason == upstream.TooLarge && q.Limit > 1 {
			c.pages.shrink(key, q.Limit)
			continue
		}
		if err != nil {
			return InstancePage{}, instancesError(id, q.Batch, err)
		}
		grown := int32(len(part.Instances))
		if len(page.Instances) > 0 {
			part.Instances = append(page.Instances, part.Instances...)
		}
		page = part
		if grown < q.Limit || len(page.Instances) >= int(wanted) {
			return page, nil
		}
		last := page.Instances[len(page.Instances)-1].ID
		if last == q.Marker {
			return page, nil // the pages do not advance
		}
		q.Marker = last
	}
}

// instancesError says which instances could not be read.
func instancesError(id ExecuteUUID, batch int32, err error) error {
	return fmt.Errorf("read the instances of batch %d of ticket %s: %w", batch, id, err)
}

// instances makes one call.
func (c *Client) instances(ctx context.Context, caller Caller, id ExecuteUUID, q InstanceQuery) (InstancePage, error) {
	v := url.Values{}
	set(v, "limit", int64(q.Limit))
	set(v, "marker", q.Marker)
	if q.Status != "" {
		v.Set("status", string(q.Status))
	}
	w, a, err := get[wireInstancePage](ctx, c, caller, request{call: "list instances",
		path: ticketPath(id, "/batches/"+strconv.Itoa(int(q.Batch))), query: v})
	if err != nil {
		return InstancePage{}, err
	}
	if w.Batch != 0 && int64(w.Batch) != int64(q.Batch) {
		return InstancePage{}, a.bad("list instances", errors.New("the answer names another batch"))
	}
	return w.decode(q.Batch), nil
}
