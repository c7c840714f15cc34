-- Times are microseconds since 1970.
-- +goose Up
CREATE TABLE session (
  id         TEXT PRIMARY KEY, -- SHA-256 of the cookie's id, in hex
  sealed     BYTEA NOT NULL,   -- AES-256-GCM
  created_at BIGINT NOT NULL,
  seen_at    BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX session_expires ON session (expires_at);

-- A form's key is claimed by inserting it, once for ever.
CREATE TABLE one_time_key (
  key        TEXT PRIMARY KEY,
  session_id TEXT NOT NULL,
  ticket     TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX one_time_key_created ON one_time_key (created_at);
