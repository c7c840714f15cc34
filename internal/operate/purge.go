package operate

import (
	"context"
	"fmt"
	"time"
)

// keyLife is how long a claimed key is kept. The log knows every key that led
// to a request for ever; a claim matters only while its form may be alive.
const keyLife = 7 * 24 * time.Hour

// Purge deletes one-time keys and claims that nothing can come of any more. It
// is called now and then.
func (s *Service) Purge(ctx context.Context) error {
	if err := s.keys.Purge(ctx, s.now().Add(-keyLife)); err != nil {
		return fmt.Errorf("delete old one-time keys: %w", err)
	}
	return nil
}
