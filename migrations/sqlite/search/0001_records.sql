-- Derived from the log for searching; may be deleted at any time.
-- +goose Up
CREATE TABLE record (
  seq            INTEGER PRIMARY KEY,
  ts             INTEGER NOT NULL,
  action         TEXT NOT NULL,
  outcome        TEXT NOT NULL,
  user_id        TEXT NOT NULL,
  user_name      TEXT NOT NULL,
  ticket         TEXT NOT NULL,
  operation_id   TEXT NOT NULL,
  operation_type TEXT NOT NULL,
  project_id     TEXT NOT NULL,
  project_name   TEXT NOT NULL,
  address        TEXT NOT NULL
) STRICT;

-- Each record's words, and a word that begins with _ for each of its values.
-- The texts themselves are not kept.
CREATE VIRTUAL TABLE record_text USING fts5 (doc, content='', contentless_delete=1, tokenize="ascii tokenchars '_'");
-- Words are gathered in memory up to so many bytes: fewer parts to put together later.
INSERT INTO record_text (record_text, rank) VALUES ('hashsize', 16777216);

-- The values that occur: what to offer to somebody who types.
CREATE TABLE value (
  field  TEXT NOT NULL,
  folded TEXT NOT NULL, -- in lower case
  value  TEXT NOT NULL,
  PRIMARY KEY (field, folded, value)
) STRICT, WITHOUT ROWID;

CREATE TABLE open_operation (operation_id TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE followed (id INTEGER PRIMARY KEY CHECK (id = 1), upto INTEGER NOT NULL) STRICT;
INSERT INTO followed (id, upto) VALUES (1, 0);
