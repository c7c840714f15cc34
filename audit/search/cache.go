package search

import (
	"encoding/json"
	"maps"
	"sync"
	"time"
	"unique"

	"coc-console/audit"
	"coc-console/audit/query"
)

// summaries remember what the search tables said of the latest queries: of an
// append-only list, only what has come since must be asked for. They are
// forgotten when the tables are emptied and when records are removed, and after
// a while, because another console may have removed some.
type summaries struct {
	mu  sync.Mutex
	all map[string]*summary
}

const (
	maxSummaries = 64
	maxSummary   = 2 * time.Minute
	maxBarsKept  = 4 * MaxBars
)

// summary is what is remembered of one query, whatever its page.
type summary struct {
	made, used time.Time

	mu      sync.Mutex
	counted int64 // the last number up to which the matches were counted
	count   int
	valued  int64                  // the last number whose values are known
	values  []facetValues          // of the newest matches up to it, the newest first
	bars    map[span]outcomeCounts // matches between two numbers
	firsts  map[int64]int64        // the number of the first record that is not before a time
}

// span is a part of the numbers, without its ends, and how far matches in it
// are counted.
type span struct {
	above, below int64
	limit        int
}

// of is the summary of a query.
func (s *summaries) of(q Query) *summary {
	q = q.Unpaged()
	q.Limit, q.FromAs, q.ToAs = 0, query.Relative{}, query.Relative{}
	key, err := json.Marshal(q)
	now := time.Now()
	found := &summary{made: now, used: now, bars: map[span]outcomeCounts{}, firsts: map[int64]int64{}}
	if err != nil { // a time after the year 9999
		return found
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.all[string(key)]; known != nil && now.Sub(known.made) < maxSummary {
		known.used = now
		return known
	}
	if s.all == nil {
		s.all = map[string]*summary{}
	}
	s.all[string(key)] = found
	if len(s.all) > maxSummaries {
		delete(s.all, s.oldest())
	}
	return found
}

// oldest is the key of the summary that was not used for longest.
func (s *summaries) oldest() (oldest string) {
	for key, one := range s.all {
		if oldest == "" || one.used.Before(s.all[oldest].used) {
			oldest = key
		}
	}
	return oldest
}

// forget forgets everything.
func (s *summaries) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = nil
}

// countedUpTo is how many matches there are up to which number.
func (s *summary) countedUpTo() (n int, upto int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count, s.counted
}

func (s *summary) setCount(n int, upto int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if upto > s.counted {
		s.count, s.counted = n, upto
	}
}

// valuesUpTo are the values of the newest matches up to which number. They are
// not to be changed.
func (s *summary) valuesUpTo() ([]facetValues, int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.values, s.valued
}

func (s *summary) setValues(values []facetValues, upto int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if upto > s.valued {
		s.values, s.valued = values, upto
	}
}

// bar is what is known of a bar; nil for nothing.
func (s *summary) bar(at span) outcomeCounts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.bars[at])
}

func (s *summary) setBar(at span, n outcomeCounts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.bars) >= maxBarsKept {
		clear(s.bars)
	}
	s.bars[at] = maps.Clone(n)
}

// first is the number of the first record that is not before a time, if known.
func (s *summary) first(ts int64) (seq int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seq, ok = s.firsts[ts]
	return seq, ok
}

func (s *summary) setFirst(ts, seq int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.firsts) >= maxBarsKept {
		clear(s.firsts)
	}
	s.firsts[ts] = seq
}

// facetValues are the values of a match that facets count.
type facetValues struct{ actor, action, outcome, ticket, project unique.Handle[string] }

func newFacetValues(actor, action, outcome, ticket, project string) facetValues {
	said := query.OutcomeOf(&audit.Record{Action: audit.Action(action), Outcome: audit.Outcome(outcome)})
	return facetValues{unique.Make(actor), unique.Make(action), unique.Make(string(said)), unique.Make(ticket),
		unique.Make(project)}
}
