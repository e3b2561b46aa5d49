#!/usr/bin/env bash
# A scraper for scrapelog in bash, with curl and flock. socat listens, and starts
# this script for each connection, which is then its input and output:
#
#     PAGES='http://shop.example/alder/ http://shop.example/birch/' \
#         socat TCP-LISTEN:9090,bind=127.0.0.1,reuseaddr,fork EXEC:./scraper.sh
#
# It counts the products on these pages. What a scraper must do, and why, is in
# "scrapelog help contract".
set -u
lock=${LOCK:-/tmp/scraper.lock} # locked while a run scrapes; says "run-id pid"

answer() { printf 'HTTP/1.0 %s\r\n\r\n' "$1"; }
say() { printf 'event: %s\ndata: %s\n\n' "$1" "$2" || exit; } # a failed write means that the client has left
value() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" <<<"$body"; }

read -r method _
length=0
while IFS=$' \r' read -r name number _ && [ -n "$name" ]; do
	[ "${name,,}" = content-length: ] && length=$number
done
if [ "$method" != POST ]; then
	answer $'200 OK\r\nCache-Control: no-store'
	exit
fi
body=$(head -c "$length")

stream=$'200 OK\r\nContent-Type: text/event-stream\r\nX-Accel-Buffering: no\r\nX-Scrape-Beat: 5s'
hold() { echo "$(value run_id) $$" >"$lock"; }
exec 9<>"$lock" # held by this script and all it starts, until the last of them has ended
if flock -n 9; then
	hold # before the answer, for the next POST may follow it at once
	answer "$stream"
else
	read -r run pid <"$lock"
	if [ -z "${run-}" ] || [ "$run" != "$(value recovers)" ]; then
		answer '409 Conflict'
		exit
	fi
	kill "$pid"
	answer "$stream"
	until flock -w 1 9; do say beat '{}'; done
	hold
fi

# Your scraping. It says something often.
items=0 page=0
for url in $PAGES; do
	sleep 1
	if ! html=$(curl -sSf --max-time 3 "$url"); then
		say failed "{\"error\":\"cannot fetch $url\"}"
		exit
	fi
	items=$((items + $(grep -o '<li class="product"' <<<"$html" | wc -l)))
	say progress "{\"page\":$((page += 1)),\"items\":$items}"
done
say completed "{\"items\":$items}"
