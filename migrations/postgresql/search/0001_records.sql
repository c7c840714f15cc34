-- Derived from the log for searching; may be emptied at any time.
-- +goose Up
CREATE TABLE record (
  seq            BIGINT PRIMARY KEY,
  ts             BIGINT NOT NULL,
  action         TEXT COLLATE "C" NOT NULL, -- groups are ranges of bytes
  outcome        TEXT NOT NULL,
  user_id        TEXT NOT NULL,
  user_name      TEXT NOT NULL,
  ticket         TEXT NOT NULL,
  operation_id   TEXT NOT NULL,
  operation_type TEXT NOT NULL,
  project_id     TEXT NOT NULL,
  project_name   TEXT NOT NULL,
  address        TEXT NOT NULL,
  words          TSVECTOR NOT NULL -- as the console splits them, with their positions
);
CREATE INDEX record_user_id ON record (user_id, seq);
CREATE INDEX record_user_name ON record (user_name, seq);
CREATE INDEX record_ticket ON record (ticket, seq) WHERE ticket <> '';
CREATE INDEX record_action ON record (action, seq);
CREATE INDEX record_outcome ON record (outcome, seq) WHERE outcome NOT IN ('succeeded', 'pending');
CREATE INDEX record_operation ON record (operation_id, seq) WHERE operation_id <> '';
CREATE INDEX record_type ON record (operation_type, seq) WHERE operation_type <> '';
CREATE INDEX record_project_id ON record (project_id, seq) WHERE project_id <> '';
CREATE INDEX record_project_name ON record (project_name, seq) WHERE project_name <> '';
CREATE INDEX record_address ON record (address, seq) WHERE address <> '';
CREATE INDEX record_words ON record USING gin (words);

-- The values that occur: what to offer to somebody who types.
CREATE TABLE value (
  field  TEXT NOT NULL,
  folded TEXT COLLATE "C" NOT NULL, -- in lower case
  value  TEXT NOT NULL,
  PRIMARY KEY (field, folded, value)
);

CREATE TABLE open_operation (operation_id TEXT PRIMARY KEY, seq BIGINT NOT NULL);

CREATE TABLE followed (id INTEGER PRIMARY KEY CHECK (id = 1), upto BIGINT NOT NULL);
INSERT INTO followed (id, upto) VALUES (1, 0);
