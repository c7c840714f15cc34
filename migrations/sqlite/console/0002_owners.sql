-- Which console brings an operation to its end. Only consoles that share a
-- database need to know: a data folder has one.
-- +goose Up
CREATE TABLE operation_owner (
  operation_id TEXT PRIMARY KEY,
  console      TEXT NOT NULL,    -- a name of its own for each start; empty: nobody
  beat         INTEGER NOT NULL  -- goes up while that console lives
) STRICT, WITHOUT ROWID;
