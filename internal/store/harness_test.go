package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"coc-console/audit/audittest"
	"coc-console/internal/database"
	"coc-console/internal/store"
)

// at is the time of whatever a test stores.
var at = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// engines runs a test on an empty console.db of either engine.
func engines(t *testing.T, test func(t *testing.T, db store.DB)) {
	t.Helper()
	audittest.Engines(t, func(t *testing.T, dsn string) {
		t.Helper()
		db, err := database.Open(t.Context(), dsn, database.Console)
		check(t, err)
		t.Cleanup(func() { _ = db.Close() })
		test(t, store.DB{Write: db.Write, Read: db.Read, Lazily: database.Lazily, AtOnce: db.Engine == database.PostgreSQL})
	})
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fails checks what an attempt answers.
func fails(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// exec changes the database past the package.
func exec(t *testing.T, db store.DB, query string, args ...any) {
	t.Helper()
	_, err := db.Write.ExecContext(context.WithoutCancel(t.Context()), query, args...)
	check(t, err)
}
