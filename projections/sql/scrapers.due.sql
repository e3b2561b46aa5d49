SELECT * FROM scrapers WHERE next_due IS NOT NULL ORDER BY next_due, name LIMIT $1
