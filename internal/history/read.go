package history

import (
	"context"

	"coc-console/internal/store"
	"coc-console/internal/watch"
)

// Read is what was seen of a ticket, as far as a console has written it; nothing where none has.
func Read(ctx context.Context, db store.DB, key watch.Key) (watch.Past, error) {
	row, err := store.NewHistories(db).Read(ctx, keyOf(key))
	if err != nil {
		return watch.Past{}, err
	}
	return decode(row), nil
}
