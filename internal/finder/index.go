package finder

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"coc-console/internal/coc"
	"coc-console/internal/watch"
)

// The bounds of what is kept, of all projects together, and for how long.
const (
	maxHosts = 100_000
	keptFor  = 48 * time.Hour
)

// Scope names whose tickets are looked through: those of a project or, with a token of account scope, of one session.
type Scope struct{ Account, Project, Session string }

// Host is a server of a ticket.
type Host struct {
	Instance int64
	Batch    int32
	Name, IP string
	floating string
	resource string
}

// found reports whether a text is part of the name, or the whole address or id.
func (h Host) found(text string) bool {
	if address, err := netip.ParseAddr(text); err == nil {
		return isAddress(h.IP, address) || isAddress(h.floating, address)
	}
	return strings.Contains(strings.ToLower(h.Name), text) || strings.EqualFold(h.resource, text) ||
		strconv.FormatInt(h.Instance, 10) == text ||
		partOfAddress(text) && (hasPart(h.IP, text) || hasPart(h.floating, text))
}

// Typed is the name, address or id of a server in what somebody typed or pasted: without a user before it, a port
// behind it, and the brackets of an IPv6 address in a URL.
func Typed(text string) string {
	text = strings.ToLower(strings.TrimSpace(text))
	text = strings.TrimPrefix(strings.TrimPrefix(text, "host:"), "ip:")
	text = text[strings.LastIndex(text, "@")+1:]
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at.Addr().String()
	}
	if address, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return address.String()
	}
	if name, port, ok := strings.Cut(text, ":"); ok && port != "" && strings.Trim(port, "0123456789") == "" &&
		strings.Trim(name, "0123456789abcdef") != "" {
		return name
	}
	return text
}

// isAddress reports whether a text is an address, however it is written: IPv6 has many ways.
func isAddress(text string, address netip.Addr) bool {
	same, err := netip.ParseAddr(text)
	return err == nil && same == address
}

// partOfAddress reports whether a text may be a part of an address, such as 10.0 or fd00:1.
func partOfAddress(text string) bool {
	return strings.Contains(text, ".") && strings.Trim(text, "0123456789.") == "" ||
		strings.Contains(text, ":") && strings.Trim(text, "0123456789abcdef:") == ""
}

// hasPart reports whether an address has a part that begins where one of its numbers does: 0.4 is none of 10.4.
func hasPart(address, part string) bool {
	address = strings.ToLower(address)
	return strings.HasPrefix(address, part) || strings.Contains(address, "."+part) ||
		strings.Contains(address, ":"+part)
}

// known is what is kept of one ticket.
type known struct {
	coc.TicketSummary
	hosts []Host
	at    time.Time // when it was read last
}

// index is what was read, by whose and which ticket it is.
type index struct {
	mu    sync.Mutex
	all   map[Scope]map[coc.ExecuteUUID]*known
	hosts int
}

// put keeps the servers of a ticket. When there are too many of all, those are forgotten that were read long ago.
func (x *index) put(of Scope, t coc.TicketSummary, hosts []Host, now time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.all == nil {
		x.all = map[Scope]map[coc.ExecuteUUID]*known{}
	}
	if x.hosts+len(hosts) > maxHosts {
		x.forget(now.Add(-keptFor))
	}
	if x.hosts+len(hosts) > maxHosts { // all are new
		clear(x.all)
		x.hosts = 0
	}
	if x.all[of] == nil {
		x.all[of] = map[coc.ExecuteUUID]*known{}
	}
	if before := x.all[of][t.ExecuteUUID]; before != nil {
		x.hosts -= len(before.hosts)
		if t.RegionIDs == "" {
			t.RegionIDs = before.RegionIDs
		}
	}
	x.hosts += len(hosts)
	x.all[of][t.ExecuteUUID] = &known{t, hosts, now}
}

// forget drops what was read before a time. The caller holds the lock.
func (x *index) forget(before time.Time) {
	for of, tickets := range x.all {
		for id, k := range tickets {
			if k.at.Before(before) {
				x.hosts -= len(k.hosts)
				delete(tickets, id)
			}
		}
		if len(tickets) == 0 {
			delete(x.all, of)
		}
	}
}

// refresh takes over how a ticket is now, if its servers are known and as many: then they are the same.
func (x *index) refresh(of Scope, t coc.TicketSummary, hosts int, now time.Time) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	k := x.all[of][t.ExecuteUUID]
	if k == nil || hosts >= 0 && len(k.hosts) != hosts {
		return false
	}
	if t.RegionIDs == "" {
		t.RegionIDs = k.RegionIDs
	}
	k.TicketSummary, k.at = t, now
	return true
}

// looked are the tickets of a scope whose servers are known, by how many there are and since when they were created,
// and those that have a server which is found by a text.
func (x *index) looked(of Scope, text string, now time.Time) (hits []Hit, count int, since time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, k := range x.all[of] {
		if now.Sub(k.at) > keptFor {
			continue
		}
		count++
		if since.IsZero() || k.Created.Before(since) {
			since = k.Created
		}
		if hosts := slices.Collect(matching(k.hosts, text)); len(hosts) > 0 {
			hits = append(hits, Hit{TicketSummary: k.TicketSummary, Hosts: hosts})
		}
	}
	return hits, count, since
}

// recent are the tickets of a scope whose servers are known.
func (x *index) recent(of Scope, now time.Time) (all []known) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, k := range x.all[of] {
		if now.Sub(k.at) <= keptFor {
			all = append(all, *k)
		}
	}
	return all
}

func matching(hosts []Host, text string) func(func(Host) bool) {
	return func(yield func(Host) bool) {
		for _, h := range hosts {
			if h.found(text) && !yield(h) {
				return
			}
		}
	}
}

// Read takes over what the console has read of a ticket for those who look at it.
func (f *Finder) Read(key watch.Key, s *watch.Snapshot) {
	of, t, count := Scope{Account: key.Account, Project: key.Project}, s.Ticket, 0
	for _, b := range s.Batches {
		if b.At.IsZero() {
			return // not all of its servers are known yet
		}
		count += len(b.Instances)
	}
	now := coc.TicketSummary{ExecuteUUID: key.Ticket, Name: t.ScriptName, Creator: t.Creator, Status: t.Status,
		Created: t.Created, Finished: t.Finished}
	if f.index.refresh(of, now, count, f.now()) {
		return
	}
	hosts := make([]Host, 0, count)
	for _, b := range s.Batches {
		for _, i := range b.Instances {
			hosts = append(hosts, hostOf(b.Index, i.Instance))
		}
	}
	f.index.put(of, now, hosts, f.now())
}

func hostOf(batch int32, i coc.Instance) Host {
	t := i.Target
	// Cloned: a row must not keep alive the answer that it was read from.
	clone := func(s string) string { return strings.Clone(s[:min(len(s), maxText)]) }
	return Host{Instance: i.ID, Batch: batch, Name: clone(t.HostName), IP: clone(t.FixedIP),
		floating: clone(t.FloatingIP), resource: clone(t.ResourceID)}
}

// maxText bounds a text of a server, in bytes.
const maxText = 256
