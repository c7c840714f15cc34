package ratelimit

// Len is how many people are remembered.
func (p *People) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.people)
}
