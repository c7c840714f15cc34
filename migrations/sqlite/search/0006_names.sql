-- Operations on one instance are found by the name of their ticket, too. The tables are emptied, and filled again from
-- the log.
-- +goose Up
DELETE FROM record;
DELETE FROM value;
DELETE FROM open_operation;
DELETE FROM operation;
DELETE FROM ticket_name;
DELETE FROM tally;
INSERT INTO record_text (record_text) VALUES ('delete-all');
INSERT INTO operation_text (operation_text) VALUES ('delete-all');
UPDATE followed SET upto = 0;
