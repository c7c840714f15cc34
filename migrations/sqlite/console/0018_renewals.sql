-- Who renews a session's credential now, so that no other does: a random number; 0: nobody.
-- +goose Up
ALTER TABLE session ADD COLUMN renewer INTEGER NOT NULL DEFAULT 0;
