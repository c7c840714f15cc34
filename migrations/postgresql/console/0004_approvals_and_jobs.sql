-- Times are microseconds since 1970; structures are JSON.
-- +goose Up
-- Operations that wait for a second person, under the one-time key of their form.
CREATE TABLE approval (
  id           TEXT PRIMARY KEY,
  state        TEXT NOT NULL,
  account_id   TEXT NOT NULL,
  requester_id TEXT NOT NULL,
  ticket       TEXT NOT NULL,
  operation    TEXT NOT NULL,
  requester    TEXT NOT NULL,
  session_id   TEXT NOT NULL,
  origin       TEXT NOT NULL,
  reason       TEXT NOT NULL,
  seen         TEXT NOT NULL,
  target       TEXT NOT NULL,
  radius       TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  expires_at   BIGINT NOT NULL,
  decider      TEXT NOT NULL DEFAULT '',
  decided_at   BIGINT NOT NULL DEFAULT 0,
  comment      TEXT NOT NULL DEFAULT '',
  note         TEXT NOT NULL DEFAULT '',
  problem      TEXT NOT NULL DEFAULT '',
  logged       TEXT NOT NULL DEFAULT '' -- the last state of which the log has a record
);
CREATE INDEX approval_open ON approval (state, created_at);
CREATE INDEX approval_unlogged ON approval (id) WHERE logged <> state AND state NOT IN ('sent', 'returned');

-- Many operations of one confirmation.
CREATE TABLE job (
  id           TEXT PRIMARY KEY, -- the one-time key of its form
  state        TEXT NOT NULL,
  note         TEXT NOT NULL DEFAULT '',
  account_id   TEXT NOT NULL,
  requester_id TEXT NOT NULL,
  actor        TEXT NOT NULL,
  origin       TEXT NOT NULL,
  session_id   TEXT NOT NULL,
  type         TEXT NOT NULL,
  reason       TEXT NOT NULL,
  terms        TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  ended_at     BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX job_created ON job (account_id, created_at);

CREATE TABLE job_item (
  job       TEXT NOT NULL,
  n         BIGINT NOT NULL,
  state     TEXT NOT NULL,
  ticket    TEXT NOT NULL,
  operation TEXT NOT NULL,
  target    TEXT NOT NULL,
  seen      TEXT NOT NULL,
  key       TEXT NOT NULL, -- becomes the operation's id
  problem   TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (job, n)
);
