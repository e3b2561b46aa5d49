-- +goose Up
-- Every run changes these columns, and with them two more pages of the file.
DROP INDEX scraper_guard_open;
DROP INDEX scraper_guard_lost;
