#!/usr/bin/env bash
# A scraper for scrapelog in bash, with curl and flock. socat listens, and starts
# this script for each connection, which is then its input and output:
#
#     PAGES='http://shop.example/alder/ http://shop.example/birch/' \
#         socat TCP-LISTEN:9090,bind=127.0.0.1,reuseaddr,fork EXEC:./scraper.sh
#
# It counts the products on these pages. If SCRAPER_SECRET is set, orders must be
# signed with it, or with one of two with a blank between. What a scraper must do,
# and why, is in "scrapelog help contract".
set -uf
lock=${LOCK:-/tmp/scraper.lock} # locked while a run scrapes; says "run-id pid"

answer() { printf 'HTTP/1.0 %s\r\n\r\n' "$1"; }
say() { printf 'event: %s\ndata: %s\n\n' "$1" "$2" || exit; } # a failed write means that the client has left
value() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" <<<"$body"; }

read -r method _
declare -A header
while IFS=': ' read -r name text && [ -n "${name%$'\r'}" ]; do header[${name,,}]=${text%$'\r'}; done
if [ "$method" != POST ]; then
	answer $'200 OK\r\nCache-Control: no-store'
	exit
fi
body=$(head -c "${header[content-length]:-0}")

# hmac prints the signature of its input. Nothing secret is an argument of a program:
# other users see those.
hmac() {
	local key i byte inner='' outer='' digest
	key=$(base64 -d <<<"${1#whsec_}" | hex)
	for ((i = 0; i < 128; i += 2)); do
		byte=$((16#0${key:i:2}))
		printf -v byte '\\x%02x \\x%02x' $((byte ^ 0x36)) $((byte ^ 0x5c))
		inner+=${byte% *} outer+=${byte#* }
	done
	digest=$({ printf %b "$inner" && cat; } | sha256sum | head -c 64 | sed 's/../\\x&/g')
	printf %b "$outer$digest" | sha256sum | head -c 64
}
hex() { od -An -v -tx1 | tr -d ' \n'; }

# signed looks at the signature, at the time, and whether the order has come before.
signed() {
	local id=${header[webhook-id]-} at=${header[webhook-timestamp]-} secret given fit fits=
	[[ $id =~ ^[A-Za-z0-9_-]{1,128}$ && $at =~ ^[1-9][0-9]{1,11}$ ]] || return
	for secret in $SCRAPER_SECRET; do
		fit=$(printf %s "$id.$at.$body" | hmac "$secret" | sha256sum) # how long it takes to compare digests tells nothing
		for given in ${header[webhook-signature]-}; do
			[ "$(base64 -d <<<"${given#v1,}" 2>&- | hex | sha256sum)" = "$fit" ] && fits=1
		done
	done
	[ -n "$fits" ] && ((at - EPOCHSECONDS <= 300 && EPOCHSECONDS - at <= 300)) || return
	mkdir -p "$lock.seen" && find "$lock.seen" -mmin +10 -type f -delete
	(set -o noclobber && : >"$lock.seen/$id") 2>&- # fails if there is such a file
}
if [ -n "${SCRAPER_SECRET-}" ] && ! signed; then
	answer '401 Unauthorized'
	exit
fi

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
