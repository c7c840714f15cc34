package database

import (
	"context"
	"fmt"

	"coc-console/migrations"
)

// SchemaVersion is the version of a store's tables, zero where there are none, and the one that Open would take them
// to.
func (d *DB) SchemaVersion(ctx context.Context, store Store) (has, newest int64, err error) {
	if newest, err = migrations.Newest(string(d.Engine), string(store)); err != nil {
		return 0, 0, err
	}
	table := string(store) + "_schema_version"
	there, err := d.HasTable(ctx, table)
	if err != nil || !there {
		return 0, newest, err
	}
	err = d.Read.QueryRowContext(ctx, `SELECT coalesce(max(version_id), 0) FROM `+table+` WHERE is_applied`).Scan(&has)
	if err != nil {
		return 0, 0, fmt.Errorf("read the version of the %s tables: %w", store, err)
	}
	return has, newest, nil
}
