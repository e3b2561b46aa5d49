// How instants are shown: as the server wrote them (UTC), in the browser's own zone,
// or as a time ago. The choice is kept, and live updates are shown in it too.
(() => {
  'use strict';

  const KEY = 'scrapelog.times';
  const NEXT = { Relative: 'UTC', UTC: 'Local', Local: 'Relative' };
  const button = document.getElementById('zone');
  if (!button) return;
  let mode = localStorage.getItem(KEY);
  if (!(mode in NEXT)) mode = 'Relative';

  const two = (n) => String(n).padStart(2, '0');
  const utc = (iso) => iso.slice(0, 19).replace('T', ' ') + ' UTC';

  function zoneOf(date) {
    const part = new Intl.DateTimeFormat('en', { timeZoneName: 'short' }).formatToParts(date).find((p) => p.type === 'timeZoneName');
    return part ? part.value : 'local';
  }

  function local(iso) {
    const d = new Date(iso);
    return d.getFullYear() + '-' + two(d.getMonth() + 1) + '-' + two(d.getDate()) + ' ' +
      two(d.getHours()) + ':' + two(d.getMinutes()) + ':' + two(d.getSeconds()) + ' ' + zoneOf(d);
  }

  function relative(iso, fine) {
    const s = Math.round((Date.now() - Date.parse(iso)) / 1000);
    const n = Math.abs(s);
    const text = n < 60 ? n + '\u00a0s' : n < 3600 ? Math.floor(n / 60) + '\u00a0min' + (fine && n < 600 && n % 60 ? ' ' + n % 60 + '\u00a0s' : '') : n < 86400 ? Math.floor(n / 3600) + '\u00a0h' : Math.floor(n / 86400) + '\u00a0d';
    return s < 0 ? 'in ' + text : text + ' ago';
  }

  // In a sentence, "lost at 3 min ago" is none: only cells have relative times. Slots that
  // are a minute apart differ in their seconds.
  function shown(element) {
    if (mode === 'Relative' && element.matches('td > time, dd > time, td > [data-cell] > time, :is(.slots, .latest, .counts) time')) {
      return relative(element.dateTime, element.closest('.slots'));
    }
    const exact = (mode === 'Local' ? local : utc)(element.dateTime);
    return 'clock' in element.dataset ? exact.slice('2006-01-02 '.length) : exact;
  }

  // Writes only what differs: the observer below sees these changes too.
  function convert() {
    for (const element of document.querySelectorAll('main time[datetime]:not([data-age])')) {
      const wanted = shown(element);
      if (element.textContent !== wanted) element.textContent = wanted;
      if (mode === 'UTC') element.removeAttribute('title');
      else if (element.title !== utc(element.dateTime)) element.title = utc(element.dateTime);
    }
    const word = button.querySelector('span');
    if (word.textContent !== mode) word.textContent = mode;
    button.setAttribute('aria-label', 'Times: ' + mode);
  }

  button.addEventListener('click', () => {
    mode = NEXT[mode];
    localStorage.setItem(KEY, mode);
    convert();
  });
  new MutationObserver(() => { if (mode !== 'UTC') convert(); }).observe(document.body, { childList: true, subtree: true, characterData: true });
  setInterval(() => { if (mode === 'Relative' && !document.documentElement.classList.contains('mute')) convert(); }, 1000);
  // Paper has no hover: it gets the exact times.
  addEventListener('beforeprint', () => { for (const e of document.querySelectorAll('main time[title][datetime]:not([data-age])')) e.textContent = utc(e.dateTime); });
  addEventListener('afterprint', convert);
  convert();
})();
