SELECT * FROM scrapers/*next*/ WHERE name = $1
