-- Which console brings an operation to its end.
-- +goose Up
CREATE TABLE operation_owner (
  operation_id TEXT PRIMARY KEY,
  console      TEXT NOT NULL,   -- a name of its own for each start; empty: nobody
  beat         BIGINT NOT NULL  -- goes up while that console lives
) WITH (fillfactor = 50);
