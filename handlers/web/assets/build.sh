#!/bin/sh
# Refreshes dist/ from npm: the pinned front-end libraries with their licences,
# and a sprite of the icons that pages use. Needs npm; building scrapelog does not.
set -eu
cd "$(dirname "$0")"

icons="activity ban book-open calendar-clock check chevron-down circle-check circle-x clock copy list loader log-out pause play
plug radar rotate-cw scroll-text search server settings-2 shield-check skip-forward square sun-moon undo-2 unplug user users wifi-off x"

npm ci --ignore-scripts --no-audit --no-fund
rm -rf dist
mkdir dist
from=node_modules

for font in inter jetbrains-mono; do
	cp "$from/@fontsource-variable/$font/files/$font-latin-wght-normal.woff2" "dist/$font.woff2"
	cp "$from/@fontsource-variable/$font/LICENSE" "dist/$font.LICENSE"
done
# One file: htmx looks at the page a moment after it was run, and does not wait
# for an extension that is still on its way.
for part in htmx.min.js ext/hx-sse.min.js; do
	cat "$from/htmx.org/dist/$part"
	echo
done >dist/htmx.min.js
cp "$from/htmx.org/LICENSE" dist/htmx.LICENSE
cp "$from/lucide-static/LICENSE" dist/lucide.LICENSE
cp "$from/axe-core/axe.min.js" ../webtest/axe/axe.min.js # for tests only
cp "$from/axe-core/LICENSE" ../webtest/axe/axe.LICENSE

{
	echo '<?xml version="1.0" encoding="utf-8"?>'
	sed -n '/@license/{p;q;}' "$from/lucide-static/sprite.svg"
	echo '<svg xmlns="http://www.w3.org/2000/svg"><defs>'
	for icon in $icons; do
		grep -q "<symbol id=\"$icon\"" "$from/lucide-static/sprite.svg" || { echo "no icon $icon" >&2; exit 1; }
		sed -n "/<symbol id=\"$icon\"/,/<\/symbol>/p" "$from/lucide-static/sprite.svg"
	done
	echo '</defs></svg>'
} >dist/icons.svg

# A source map that is not served is only noise in the browser's console.
for script in dist/*.js; do
	sed '/^\/\/# sourceMappingURL=/d' "$script" >"$script.tmp"
	mv "$script.tmp" "$script"
done
