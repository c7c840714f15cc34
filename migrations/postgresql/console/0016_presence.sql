-- Who looks at what on each console, as JSON, where several share the database.
-- +goose Up
CREATE TABLE presence (
  console TEXT PRIMARY KEY,
  beat    BIGINT NOT NULL, -- grows as long as the console lives
  version BIGINT NOT NULL, -- grows with each change of state
  state   TEXT NOT NULL
);
