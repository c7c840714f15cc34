-- What people keep of the lists: searches and views by name, and what they saw
-- last. Times are microseconds since 1970.
-- +goose Up
CREATE TABLE saved (
  user_id    TEXT NOT NULL,
  page       TEXT NOT NULL, -- audit or tickets
  name       TEXT NOT NULL,
  query      TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (user_id, page, name)
) STRICT, WITHOUT ROWID;
INSERT INTO saved (user_id, page, name, query, created_at)
  SELECT user_id, 'audit', name, query, created_at FROM saved_search;
DROP TABLE saved_search;

-- A person's visits to the list of tickets, as JSON.
CREATE TABLE ticket_visit (
  user_id    TEXT NOT NULL,
  project_id TEXT NOT NULL,
  visit      TEXT NOT NULL,
  last_at    INTEGER NOT NULL,
  PRIMARY KEY (user_id, project_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ticket_visit_last ON ticket_visit (last_at);
