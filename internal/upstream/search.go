package upstream

import (
	"bytes"
	"math/bits"
)

// search looks for several texts at once, whatever their case.
type search struct {
	short, long []pattern
	// blocks is a Bloom filter of all parts of 8 bytes of the long patterns.
	// Every part of them that counts holds a whole block of the text.
	blocks []uint64
	shift  int // a hash's top bits tell a bit of the filter
}

// pattern is a text to look for.
type pattern struct {
	text  []byte // ASCII letters in lower case, unless exact
	least int    // the shortest part that counts
	exact bool   // the case counts: a short secret is a part of many words
}

const (
	blockSize = 8
	perBlock  = 32 // bits of the filter, of which two are set
)

func (s *search) add(text string) {
	p := pattern{text: []byte(text), least: len(text), exact: len(text) < shortSecret}
	for i, c := range p.text {
		if !p.exact {
			p.text[i] = lower[c]
		}
	}
	switch n := len(text); {
	case n >= longSecret:
		p.least = leastOfLong
	case n >= mediumSecret:
		p.least = n * 3 / 4
	}
	if p.least < leastOfLong {
		s.short = append(s.short, p)
		return
	}
	s.long = append(s.long, p)
}

// filter makes the filter once all patterns are there.
func (s *search) filter() {
	n := 0
	for _, p := range s.long {
		n += len(p.text)
	}
	if n == 0 {
		return
	}
	size := bits.Len(uint(max(64, n*perBlock) - 1))
	s.blocks, s.shift = make([]uint64, 1<<size/64), 64-size
	for _, p := range s.long {
		var key uint64
		for i, c := range p.text {
			if key = key<<8 | uint64(c); i >= blockSize-1 {
				a, b := s.hashes(key)
				s.blocks[a/64] |= 1 << (a % 64)
				s.blocks[b/64] |= 1 << (b % 64)
			}
		}
	}
}

var lower = func() (table [256]byte) {
	for i := range table {
		table[i] = byte(i)
		if i >= 'A' && i <= 'Z' {
			table[i] += 'a' - 'A'
		}
	}
	return table
}()

// block is 8 bytes, in lower case.
func block(b []byte) uint64 {
	_ = b[blockSize-1]
	return uint64(lower[b[0]])<<56 | uint64(lower[b[1]])<<48 | uint64(lower[b[2]])<<40 | uint64(lower[b[3]])<<32 |
		uint64(lower[b[4]])<<24 | uint64(lower[b[5]])<<16 | uint64(lower[b[6]])<<8 | uint64(lower[b[7]])
}

// hashes are two bits of the filter.
func (s *search) hashes(key uint64) (a, b uint64) {
	h := key * 0x9E3779B97F4A7C15
	return h >> s.shift, h << (64 - s.shift) >> s.shift
}

// each calls f for the parts of the text that count, and with whether they are
// of a long pattern, until it returns false.
func (s *search) each(text []byte, f func(m span, long bool) bool) {
	if s.blocks != nil && !s.eachLong(text, f) || len(s.short) == 0 {
		return
	}
	folded := make([]byte, len(text))
	for i, c := range text {
		folded[i] = lower[c]
	}
	for _, p := range s.short {
		in := folded
		if p.exact {
			in = text
		}
		if !p.each(in, f) {
			return
		}
	}
}

func (s *search) eachLong(text []byte, f func(m span, long bool) bool) bool {
	for i := 0; i+blockSize <= len(text); i += blockSize {
		a, b := s.hashes(block(text[i : i+blockSize]))
		if s.blocks[a/64]>>(a%64)&1 == 0 || s.blocks[b/64]>>(b%64)&1 == 0 {
			continue
		}
		for _, p := range s.long {
			m := p.longest(text, i)
			if m.to-m.from < p.least {
				continue
			}
			if !f(m, true) {
				return false
			}
			i = max(i, (m.to-1)/blockSize*blockSize-blockSize) // what is found is passed over
			break
		}
	}
	return true
}

// maxPlaces bounds the places of a secret that a block is compared with.
const maxPlaces = 16

// longest returns the longest part of the pattern around the block at i.
func (p pattern) longest(text []byte, i int) (best span) {
	var key [blockSize]byte
	for n := range key {
		key[n] = lower[text[i+n]]
	}
	place := 0
	for range maxPlaces {
		next := bytes.Index(p.text[place:], key[:])
		if next < 0 {
			break
		}
		place += next
		m := span{i, i + blockSize}
		for m.from > 0 && place-(i-m.from) > 0 && lower[text[m.from-1]] == p.text[place-(i-m.from)-1] {
			m.from--
		}
		for m.to < len(text) && place+(m.to-i) < len(p.text) && lower[text[m.to]] == p.text[place+(m.to-i)] {
			m.to++
		}
		if m.to-m.from > best.to-best.from {
			best = m
		}
		place++
	}
	return best
}

// each finds the parts of a short pattern in a text, which is in lower case
// unless the pattern is exact.
func (p pattern) each(folded []byte, f func(m span, long bool) bool) bool {
	for from := range len(p.text) - p.least + 1 {
		part := p.text[from : from+p.least]
		for at := 0; ; {
			next := bytes.Index(folded[at:], part)
			if next < 0 {
				break
			}
			if !f(span{at + next, at + next + p.least}, false) {
				return false
			}
			at += next + p.least
		}
	}
	return true
}
