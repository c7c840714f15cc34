-- The log. An entry's body is the exact bytes of its record and is never
-- rewritten; head says how many there are and changes with them in one commit.
-- +goose Up
CREATE TABLE entry (
  seq  BIGINT PRIMARY KEY CHECK (seq > 0),
  ts   BIGINT NOT NULL, -- microseconds since 1970, strictly increasing
  body BYTEA NOT NULL
);

CREATE TABLE head (
  id      INTEGER PRIMARY KEY CHECK (id = 1),
  size    BIGINT NOT NULL,
  last_ts BIGINT NOT NULL
) WITH (fillfactor = 10);
INSERT INTO head (id, size, last_ts) VALUES (1, 0, 0);

-- +goose StatementBegin
CREATE FUNCTION entry_is_never_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'entries of the log are never changed or deleted'; END $$;
-- +goose StatementEnd
CREATE TRIGGER entry_is_never_changed BEFORE UPDATE OR DELETE ON entry
  FOR EACH ROW EXECUTE FUNCTION entry_is_never_changed();
CREATE TRIGGER entry_is_never_truncated BEFORE TRUNCATE ON entry
  FOR EACH STATEMENT EXECUTE FUNCTION entry_is_never_changed();
