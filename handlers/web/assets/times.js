// Times come in UTC. Who wants them in the browser's own zone says so once; the
// choice is kept, and what live updates bring is shown in it too.
(() => {
  'use strict';

  const LOCAL = 'scrapelog.local-times';
  const button = document.getElementById('zone');
  if (!button) return;
  let local = Boolean(localStorage.getItem(LOCAL));

  const two = (n) => String(n).padStart(2, '0');

  function zoneOf(date) {
    const part = new Intl.DateTimeFormat('en', { timeZoneName: 'short' }).formatToParts(date).find((p) => p.type === 'timeZoneName');
    return part ? part.value : 'local';
  }

  function text(iso) {
    if (!local) return iso.slice(0, 19).replace('T', ' ') + ' UTC';
    const d = new Date(iso);
    return d.getFullYear() + '-' + two(d.getMonth() + 1) + '-' + two(d.getDate()) + ' ' +
      two(d.getHours()) + ':' + two(d.getMinutes()) + ':' + two(d.getSeconds()) + ' ' + zoneOf(d);
  }

  // Writes only what differs: the observer below sees these changes too.
  function write(element, wanted) {
    if (element.textContent !== wanted) element.textContent = wanted;
  }

  function convert() {
    for (const element of document.querySelectorAll('time[datetime]:not([data-age])')) write(element, text(element.dateTime));
    write(button, local ? 'Show UTC times' : 'Show local times');
  }

  button.addEventListener('click', () => {
    local = !local;
    if (local) localStorage.setItem(LOCAL, '1');
    else localStorage.removeItem(LOCAL);
    convert();
  });
  new MutationObserver(() => { if (local) convert(); }).observe(document.body, { childList: true, subtree: true, characterData: true });
  convert();
})();
