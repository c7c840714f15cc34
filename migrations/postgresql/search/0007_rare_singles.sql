-- Single records that have an operation's type, or say how far one has come: hardly any, and the planner does not know.
-- +goose Up
CREATE INDEX record_single_rare ON record (seq) WHERE operation_id = '' AND
  (operation_type <> '' AND action <> 'access.denied' OR action >= 'approval.' AND action < 'approval/'
   OR action >= 'operation.' AND action < 'operation/');
DROP INDEX record_single_type;
