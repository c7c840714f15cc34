// Package store reads and writes the tables of console.db, one file per table, as plain rows.
package store
