package audit

import (
	"crypto/ed25519"
	"crypto/rand"

	"coc-console/internal/secretfile"
)

// NewKey makes a key that signs checkpoints.
func NewKey() ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(seed) // never fails
	return ed25519.NewKeyFromSeed(seed)
}

// LoadKey is secretfile.Read for a key that signs checkpoints.
func LoadKey(path string) (ed25519.PrivateKey, error) {
	seed, err := secretfile.Read(path, ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	return ed25519.NewKeyFromSeed(seed), nil
}
