SELECT count(*) FROM scrapers WHERE source = $1 AND configured_at IS NOT NULL AND NOT removed
