-- How many records have which outcome up to some of them: charts of a whole log count nothing else. The tables are
-- emptied, and filled again from the log.
-- +goose Up
DELETE FROM record;
DELETE FROM value;
DELETE FROM open_operation;
DELETE FROM operation;
DELETE FROM ticket_name;
INSERT INTO record_text (record_text) VALUES ('delete-all');
INSERT INTO operation_text (operation_text) VALUES ('delete-all');
UPDATE followed SET upto = 0;

CREATE TABLE tally (
  seq    INTEGER PRIMARY KEY,
  counts TEXT NOT NULL -- a JSON object: of outcomes in the words of rows
) STRICT;
