// Keys, as docs/keys.md lists them. A key that belongs to a button or a link is named by its
// data-key: in the row that has focus, or else on the page. They can be switched off, since
// some people speak to their browser.
(() => {
  'use strict';

  const OFF = 'scrapelog.keys-off';
  const ROW = 'tr, li, .lane, [data-row]';
  const GOES = 1500; // how long after g the next key may come, in ms
  const help = document.getElementById('keys-dialog');
  if (!help) return;
  const toggle = help.querySelector('input');
  let going = 0;
  toggle.checked = !localStorage.getItem(OFF);
  toggle.addEventListener('change', () => {
    if (toggle.checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, '1');
  });

  const seen = (element) => element.offsetParent;
  const rows = () => Array.from(document.querySelectorAll('main :is(tbody th a, .lane-name a, .latest li > a:first-of-type, [data-row] a:first-of-type)')).filter(seen);
  const rowOf = (element) => element && element.closest('main') && element.closest(ROW);

  function step(by) {
    const links = rows();
    if (!links.length) return false;
    const row = rowOf(document.activeElement);
    const at = row ? links.findIndex((link) => rowOf(link) === row) : -1;
    const next = at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + by));
    links[next].focus();
    return true;
  }

  function search() {
    const field = document.querySelector('[data-search]') || document.querySelector('main search input:not([type=hidden]), main search select');
    for (let fold = field && field.closest('details'); fold; fold = fold.parentElement.closest('details')) fold.open = true;
    const palette = document.querySelector('[data-palette]');
    if (field) field.focus();
    else if (palette) palette.click();
    return Boolean(field || palette);
  }

  function go(key) {
    const link = document.querySelector('[data-go="' + CSS.escape(key) + '"]');
    if (link) link.click();
    return Boolean(link);
  }

  function press(key) {
    const named = '[data-key="' + CSS.escape(key) + '"]';
    const row = rowOf(document.activeElement);
    const button = (row && row.querySelector(named)) || Array.from(document.querySelectorAll(named)).find((at) => !rowOf(at) && !at.closest('[hidden]'));
    if (button) button.click();
    return Boolean(button) || about(key, row);
  }

  // Of the row that has focus, its link tells what it is about; of a page, its address.
  function about(key, row) {
    const link = row && rows().find((link) => rowOf(link) === row);
    const [, kind, name] = (link ? link.pathname : location.pathname).split('/');
    if (key === 'c' && name && ['runs', 'outages', 'scrapers', 'events', 'streams'].includes(kind)) {
      document.dispatchEvent(new CustomEvent('scrapelog:copy', { detail: decodeURIComponent(name) }));
      return true;
    }
    if (key !== 'p' || kind !== 'scrapers' || !name) return false;
    document.dispatchEvent(new CustomEvent('scrapelog:ask', { detail: '/scrapers/' + name + '/pause' }));
    return true;
  }

  function show() {
    if (!help.open) help.showModal();
    return true;
  }

  function act(key) {
    if (key === '?') return show();
    if (!toggle.checked) return false;
    if (Date.now() - going < GOES) {
      going = 0;
      return go(key);
    }
    switch (key) {
      case 'g': going = Date.now(); return true;
      case 'j': return step(1);
      case 'k': return step(-1);
      case '/': return search();
    }
    return key.length === 1 && press(key);
  }

  document.getElementById('show-keys').addEventListener('click', show);
  document.addEventListener('keydown', (event) => {
    const chord = event.ctrlKey || event.altKey || event.metaKey;
    if (event.defaultPrevented || event.isComposing || chord && !event.getModifierState('AltGraph')) return;
    if (event.target.closest('input:not([type=checkbox]), select, textarea, [contenteditable]') || document.querySelector('dialog[open]')) return;
    if (act(event.key)) event.preventDefault();
  });
})();
