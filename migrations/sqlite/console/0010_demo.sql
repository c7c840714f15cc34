-- The log that the console made on its simulator, where this is a demo's database.
-- A data folder has a file instead.
-- +goose Up
CREATE TABLE demo (
  id     INTEGER PRIMARY KEY CHECK (id = 1),
  origin TEXT NOT NULL
) STRICT;
