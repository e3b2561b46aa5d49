-- +goose Up
-- The state of a scraper's expect.success_within. While that is 0 the times mean
-- nothing, so the rows of older programs are right as they stand.
ALTER TABLE scraper_guard
  ADD COLUMN success_within bigint NOT NULL DEFAULT 0, -- nanoseconds
  ADD COLUMN expected_since bigint, -- unix nanoseconds, as those of last_due
  ADD COLUMN last_success   bigint,
  ADD COLUMN overdue_since  bigint;
