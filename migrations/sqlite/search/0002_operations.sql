-- A row for each operation. The tables are emptied, and filled again from the log.
-- +goose Up
DELETE FROM record;
DELETE FROM value;
DELETE FROM open_operation;
INSERT INTO record_text (record_text) VALUES ('delete-all');
UPDATE followed SET upto = 0;

CREATE TABLE operation (
  seq     INTEGER PRIMARY KEY, -- the number of the record that gives it its place
  id      TEXT NOT NULL,       -- empty: an attempt that was denied
  outcome TEXT NOT NULL,       -- by its latest step
  records BLOB NOT NULL        -- the numbers of its records
) STRICT;
CREATE UNIQUE INDEX operation_id ON operation (id) WHERE id <> '';

-- As record_text is of records.
CREATE VIRTUAL TABLE operation_text USING fts5 (doc, content='', contentless_delete=1, tokenize="ascii tokenchars '_'");
INSERT INTO operation_text (operation_text, rank) VALUES ('hashsize', 4194304);

CREATE TABLE ticket_name (ticket TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT, WITHOUT ROWID;
