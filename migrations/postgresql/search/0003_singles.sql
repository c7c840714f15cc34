-- What records that belong to no operation are narrowed by: they are few of those that have the same value.
-- +goose Up
CREATE INDEX record_single_action ON record (action, seq) WHERE operation_id = '';
CREATE INDEX record_single_outcome ON record (outcome, seq) WHERE operation_id = '' AND outcome NOT IN ('succeeded', 'pending');
CREATE INDEX record_single_type ON record (operation_type, seq) WHERE operation_id = '' AND operation_type <> '';
