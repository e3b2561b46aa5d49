-- +goose Up
-- Who follows and who watches for what is asked after every commit.
CREATE INDEX scraper_guard_open ON scraper_guard (instance) WHERE open_run IS NOT NULL;
CREATE INDEX scraper_guard_lost ON scraper_guard (scraper) WHERE lost_run IS NOT NULL AND NOT restored AND NOT removed;
