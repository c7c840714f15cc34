-- Notices that wait to be sent, or that could not be, and how far the log was
-- read for them. Times are microseconds since 1970.
-- +goose Up
CREATE TABLE notice_reader (
  id       INTEGER PRIMARY KEY CHECK (id = 1),
  console  TEXT NOT NULL, -- that reads and sends; empty: none
  beat     BIGINT NOT NULL, -- grows as long as it lives
  log      TEXT NOT NULL, -- the log's name; empty: nothing was read
  position BIGINT NOT NULL, -- the last record that was read
  number   BIGINT NOT NULL -- of the newest notice
);
INSERT INTO notice_reader (id, console, beat, log, position, number) VALUES (1, '', 0, '', 0, 0);
CREATE TABLE notice (
  number     BIGINT PRIMARY KEY, -- the order in which a target gets them
  target     TEXT NOT NULL,
  body       TEXT NOT NULL, -- the event, as JSON
  created_at BIGINT NOT NULL,
  attempts   BIGINT NOT NULL,
  dead_at    BIGINT NOT NULL, -- 0: it waits
  problem    TEXT NOT NULL -- why it was given up
);
CREATE INDEX notice_queue ON notice (target, dead_at, number);
CREATE TABLE notice_timer (
  id       TEXT PRIMARY KEY, -- what becomes due, and of which operation
  sequence BIGINT NOT NULL, -- the record that it is about
  due_at   BIGINT NOT NULL
);
CREATE INDEX notice_timer_due ON notice_timer (due_at);
CREATE TABLE notice_target (
  name          TEXT PRIMARY KEY,
  sent_at       BIGINT NOT NULL, -- the last success; 0: none
  failing_since BIGINT NOT NULL, -- 0: it does not fail
  failures      BIGINT NOT NULL, -- in a row
  next_at       BIGINT NOT NULL, -- when the next attempt may be
  problem       TEXT NOT NULL, -- of the last failure
  gone          TEXT NOT NULL -- the digest of the address that wants no more; empty: none
);
