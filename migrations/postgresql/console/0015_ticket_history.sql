-- What the console saw of tickets that were looked at, as JSON. Times are
-- microseconds since 1970.
-- +goose Up
CREATE TABLE ticket_history (
  account_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  ticket     TEXT NOT NULL,
  version    BIGINT NOT NULL, -- grows with each change
  history    TEXT NOT NULL,
  seen_at    BIGINT NOT NULL,
  PRIMARY KEY (account_id, project_id, ticket)
);
CREATE INDEX ticket_history_seen ON ticket_history (seen_at);
