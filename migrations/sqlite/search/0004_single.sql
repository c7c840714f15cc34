-- Single records are counted by their action and outcome, and are few among those of operations.
-- +goose Up
CREATE INDEX record_single ON record (seq, action, outcome)
  WHERE operation_id = '' AND (action <> 'access.denied' OR operation_type = '');
