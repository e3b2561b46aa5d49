-- +goose Up
-- Set by an instance that is about to stop: it follows its runs to their end and
-- is to be given no more.
ALTER TABLE instances ADD COLUMN leaving INTEGER NOT NULL DEFAULT 0;
