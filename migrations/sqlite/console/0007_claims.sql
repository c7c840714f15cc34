-- Rows that can lead to an operation carry a code that only the console can
-- compute (internal/operate/seal.go). Those of before have none: what is open
-- of them has to be asked for again.
-- +goose Up
ALTER TABLE approval ADD COLUMN mac TEXT NOT NULL DEFAULT '';
ALTER TABLE job ADD COLUMN mac TEXT NOT NULL DEFAULT '';
ALTER TABLE job_item ADD COLUMN mac TEXT NOT NULL DEFAULT '';
CREATE INDEX job_item_key ON job_item (key);

-- A returned request has a record of its own now.
DROP INDEX approval_unlogged;
UPDATE approval SET logged = state WHERE state = 'returned';
CREATE INDEX approval_unlogged ON approval (id) WHERE logged <> state AND state <> 'sent';

-- A key belongs to one path and one person. One that is reserved has not been
-- used yet.
ALTER TABLE one_time_key ADD COLUMN path TEXT NOT NULL DEFAULT '';
ALTER TABLE one_time_key ADD COLUMN user_id TEXT NOT NULL DEFAULT '';
ALTER TABLE one_time_key ADD COLUMN account_id TEXT NOT NULL DEFAULT '';
ALTER TABLE one_time_key ADD COLUMN reserved INTEGER NOT NULL DEFAULT 0;

-- What an operation acts on is claimed together with its key, until its end.
CREATE TABLE target_claim (
  ticket       TEXT NOT NULL,
  target       TEXT NOT NULL,
  operation_id TEXT NOT NULL,
  request      TEXT NOT NULL, -- who does what, as JSON, for people
  claimed_at   INTEGER NOT NULL, -- microseconds since 1970
  PRIMARY KEY (ticket, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX target_claim_operation ON target_claim (operation_id);
