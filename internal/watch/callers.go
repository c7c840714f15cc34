package watch

import (
	"context"
	"maps"
	"slices"
	"time"

	"coc-console/internal/coc"
	"coc-console/internal/huawei"
)

// lookedFor is how long somebody whose page was loaded counts as looking: pages
// without scripts ask again within that time.
const lookedFor = 30 * time.Second

// maxLooked bounds the tickets that are remembered as looked at.
const maxLooked = 1000

// looked is a session that was shown a ticket, and when.
type looked struct {
	cred Credentials
	at   time.Time
}

// Looked notes that a session has just been shown the ticket, other than by a
// Viewer.
func (w *Watcher) Looked(key Key, cred Credentials) {
	w.lookedMu.Lock()
	defer w.lookedMu.Unlock()
	now := w.cfg.Now()
	maps.DeleteFunc(w.looked, func(_ Key, l looked) bool { return now.Sub(l.at) > lookedFor })
	if len(w.looked) >= maxLooked {
		return
	}
	if w.looked == nil {
		w.looked = map[Key]looked{}
	}
	w.looked[key] = looked{cred, now}
}

// ViewerCaller returns the caller of a session that looks at that very ticket now,
// with another token than those; false when nobody does.
func (w *Watcher) ViewerCaller(ctx context.Context, key Key, refused ...huawei.Credential) (coc.Caller, bool) {
	for _, cred := range w.viewerCredentials(key) {
		caller, err := cred.Caller(ctx)
		if err == nil && caller.ProjectID == key.Project && !slices.ContainsFunc(refused, caller.Credential.Is) {
			return caller, true
		}
	}
	return coc.Caller{}, false
}

func (w *Watcher) viewerCredentials(key Key) []Credentials {
	var all []Credentials
	for _, v := range w.tickets.all(func(k ticketKey) bool { return k.Key == key }) {
		v.mu.Lock()
		for _, s := range v.sessions {
			all = append(all, s.cred)
		}
		v.mu.Unlock()
	}
	w.lookedMu.Lock()
	defer w.lookedMu.Unlock()
	if l, ok := w.looked[key]; ok && w.cfg.Now().Sub(l.at) <= lookedFor {
		all = append(all, l.cred)
	}
	return all
}
