#!/bin/sh
# Before the files go. Not on an upgrade, after which the services are restarted: Debian
# says "upgrade", RPM counts what is left. The database stays in /var/lib/scrapelog.
set -e
case "${1-}" in upgrade | 1) exit 0 ;; esac
if [ -d /run/systemd/system ]; then
	systemctl disable --now scrapelog.service scrapelog-worker.service
fi
