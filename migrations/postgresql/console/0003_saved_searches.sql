-- Searches of the audit log that people keep under a name of their own.
-- +goose Up
CREATE TABLE saved_search (
  user_id    TEXT NOT NULL,
  name       TEXT NOT NULL,
  query      TEXT NOT NULL,
  created_at BIGINT NOT NULL, -- microseconds since 1970
  PRIMARY KEY (user_id, name)
);
