-- The log. An entry's body is the exact bytes of its record and is never
-- rewritten; head says how many there are and changes with them in one commit.
-- +goose Up
CREATE TABLE entry (
  seq  INTEGER PRIMARY KEY CHECK (seq > 0),
  ts   INTEGER NOT NULL, -- microseconds since 1970, strictly increasing
  body BLOB NOT NULL
) STRICT;

CREATE TABLE head (
  id      INTEGER PRIMARY KEY CHECK (id = 1),
  size    INTEGER NOT NULL,
  last_ts INTEGER NOT NULL
) STRICT;
INSERT INTO head (id, size, last_ts) VALUES (1, 0, 0);

-- +goose StatementBegin
CREATE TRIGGER entry_is_never_changed BEFORE UPDATE ON entry
BEGIN SELECT RAISE(ABORT, 'entries of the log are never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER entry_is_never_deleted BEFORE DELETE ON entry
BEGIN SELECT RAISE(ABORT, 'entries of the log are never deleted'); END;
-- +goose StatementEnd
-- INSERT OR REPLACE would delete without that trigger.
-- +goose StatementBegin
CREATE TRIGGER entry_is_next BEFORE INSERT ON entry
WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM entry)
BEGIN SELECT RAISE(ABORT, 'entries of the log follow one another'); END;
-- +goose StatementEnd
