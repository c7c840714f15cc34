-- 1 while the console that has an operation finds no token to look for its effect.
-- +goose Up
ALTER TABLE operation_owner ADD COLUMN unwatched INTEGER NOT NULL DEFAULT 0;
