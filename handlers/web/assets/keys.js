// Keys for those who do not want to leave the keyboard: j and k go from row to
// row, / to the search, ? to this list. Enter follows the link that has focus,
// as everywhere. They can be switched off, since some speak to their browser.
(() => {
  'use strict';

  const OFF = 'scrapelog.keys-off';
  const help = document.getElementById('keys');
  if (!help) return;
  const toggle = help.querySelector('input');
  toggle.checked = !localStorage.getItem(OFF);
  toggle.addEventListener('change', () => {
    if (toggle.checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, '1');
  });

  const rows = () => Array.from(document.querySelectorAll('main tbody th a')).filter((link) => link.offsetParent);

  function step(by) {
    const links = rows();
    if (!links.length) return;
    const row = document.activeElement && document.activeElement.closest('tr');
    const at = links.findIndex((link) => link.closest('tr') === row);
    const next = at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + by));
    links[next].focus();
  }

  function search() {
    const field = document.querySelector('[data-search]') || document.querySelector('main search input:not([type=hidden]), main search select');
    for (let fold = field && field.closest('details'); fold; fold = fold.parentElement.closest('details')) fold.open = true;
    if (field) field.focus();
    return Boolean(field);
  }

  function show() {
    if (!help.open) help.showModal();
  }

  document.getElementById('show-keys').addEventListener('click', show);
  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (event.target.closest('input, select, textarea, [contenteditable]') || help.open) return;
    if (event.key === '?') show();
    else if (!toggle.checked) return;
    else if (event.key === 'j') step(1);
    else if (event.key === 'k') step(-1);
    else if (event.key !== '/' || !search()) return;
    event.preventDefault();
  });
})();
