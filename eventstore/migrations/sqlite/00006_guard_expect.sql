-- +goose Up
-- The state of a scraper's expect.success_within. While that is 0 the times mean
-- nothing, so the rows of older programs are right as they stand.
ALTER TABLE scraper_guard ADD COLUMN success_within INTEGER NOT NULL DEFAULT 0; -- nanoseconds
ALTER TABLE scraper_guard ADD COLUMN expected_since INTEGER; -- unix nanoseconds, as those of last_due
ALTER TABLE scraper_guard ADD COLUMN last_success   INTEGER;
ALTER TABLE scraper_guard ADD COLUMN overdue_since  INTEGER;
