-- How many records have which outcome up to some of them: charts of a whole log count nothing else. The tables are
-- emptied, and filled again from the log.
-- +goose Up
TRUNCATE record, value, open_operation, operation, ticket_name;
UPDATE followed SET upto = 0;

CREATE TABLE tally (
  seq    BIGINT PRIMARY KEY,
  counts TEXT NOT NULL -- a JSON object: of outcomes in the words of rows
);
