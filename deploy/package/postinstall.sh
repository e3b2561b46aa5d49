#!/bin/sh
# After the files are there: the users, and the units made known. The server is started
# by hand, once its configuration says something.
set -e
if command -v systemd-sysusers >/dev/null; then
	systemd-sysusers scrapelog.conf
fi
if getent group scrapelog >/dev/null; then
	chgrp scrapelog /etc/scrapelog/scrapelog.yaml
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	systemctl try-restart scrapelog.service scrapelog-worker.service
fi
