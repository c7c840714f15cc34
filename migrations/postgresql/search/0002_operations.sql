-- A row for each operation. The tables are emptied, and filled again from the log.
-- +goose Up
TRUNCATE record, value, open_operation;
UPDATE followed SET upto = 0;

CREATE TABLE operation (
  seq     BIGINT PRIMARY KEY, -- the number of the record that gives it its place
  id      TEXT NOT NULL,      -- empty: an attempt that was denied
  outcome TEXT NOT NULL,      -- by its latest step
  records BYTEA NOT NULL,     -- the numbers of its records
  doc     TSVECTOR NOT NULL   -- words, and terms that stand for values
);
CREATE UNIQUE INDEX operation_id ON operation (id) WHERE id <> '';
CREATE INDEX operation_doc ON operation USING gin (doc);

CREATE TABLE ticket_name (ticket TEXT PRIMARY KEY, name TEXT NOT NULL);
