-- What runs is looked for every few seconds, what is old is deleted.
-- +goose Up
CREATE INDEX job_state ON job (state, ended_at);
