-- What says that a session lives is authenticated with a key that is not in the
-- database. Sessions of before are not: their people sign in again.
-- +goose Up
DELETE FROM session;
ALTER TABLE session ADD COLUMN checked_at INTEGER NOT NULL DEFAULT 0; -- when IAM last said that the token is good
ALTER TABLE session ADD COLUMN tried_at INTEGER NOT NULL DEFAULT 0;   -- when a console last began to ask, so that no other does
ALTER TABLE session ADD COLUMN person TEXT NOT NULL DEFAULT '';        -- a keyed hash of account and user
ALTER TABLE session ADD COLUMN mac BLOB NOT NULL DEFAULT x'';      -- HMAC-SHA256 over all of these but sealed and tried_at
CREATE INDEX session_person ON session (person);
CREATE INDEX session_checked ON session (checked_at);

-- Sessions that a command ended, until a console has written their records.
CREATE TABLE session_end (
  id         TEXT PRIMARY KEY,
  sealed     BLOB NOT NULL, -- AES-256-GCM, bound to the id
  created_at INTEGER NOT NULL,
  taken_at   INTEGER NOT NULL DEFAULT 0 -- when a console last began to write them
) STRICT, WITHOUT ROWID;
