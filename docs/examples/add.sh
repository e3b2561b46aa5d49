# Tells scrapelog about the scraper: its name, where it is, and when it runs.
# Where the server has logins, add -H "Authorization: Bearer $TOKEN" of an admin's token.
curl -sSf -X PUT http://127.0.0.1:8080/api/v1/scrapers/products \
  -H 'Content-Type: application/json' \
  -d '{"url": "http://127.0.0.1:9090/", "platforms": ["alder", "birch"], "schedule": "@every 1m"}'
