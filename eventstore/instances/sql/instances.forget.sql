-- The marked dead have nothing left to be ended once no open run names them.
DELETE FROM instances
WHERE dead AND id NOT IN (SELECT instance FROM scraper_guard WHERE open_run IS NOT NULL)
