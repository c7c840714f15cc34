-- Operations on one instance are found by the name of their ticket, too. The tables are emptied, and filled again from
-- the log.
-- +goose Up
TRUNCATE record, value, open_operation, operation, ticket_name, tally;
UPDATE followed SET upto = 0;
