// The palette: the search page in a dialog, at Ctrl K or Cmd K. The server finds; this file
// moves between what it found. The rows are links, forms and buttons as on the page.
(() => {
  'use strict';

  const dialog = document.getElementById('palette');
  if (!dialog) return;
  const field = dialog.querySelector('input');
  const list = document.getElementById('palette-hits');
  const none = document.getElementById('palette-none');
  const mac = /Mac|iPhone|iPad/.test(navigator.platform);
  let at = 0;
  let asked = null; // the search that is under way
  let stop = new AbortController();

  const hits = () => Array.from(list.querySelectorAll('[data-hit]'));

  function choose(index) {
    const all = hits();
    at = all.length ? (index + all.length) % all.length : 0;
    all.forEach((hit, i) => hit.setAttribute('aria-selected', String(i === at)));
    field.setAttribute('aria-expanded', String(all.length > 0));
    if (!all.length) return field.removeAttribute('aria-activedescendant');
    field.setAttribute('aria-activedescendant', all[at].id);
    all[at].scrollIntoView({ block: 'nearest' });
  }

  // Choices are read out as such: the list items and forms around them are not.
  function show(html) {
    const page = new DOMParser().parseFromString(html, 'text/html');
    const rows = Array.from(page.querySelectorAll('.hits > li'), (row) => row.firstElementChild);
    for (const row of rows) {
      const hit = row.matches('[data-hit]') ? row : row.querySelector('[data-hit]');
      if (row !== hit) row.setAttribute('role', 'none');
      hit.id = 'palette-hit-' + hit.dataset.hit;
      hit.setAttribute('role', 'option');
      hit.tabIndex = -1;
    }
    list.replaceChildren(...rows.map((row) => document.adoptNode(row)));
    const empty = page.querySelector('.empty');
    none.textContent = empty ? empty.textContent : '';
    choose(0);
  }

  async function search() {
    stop.abort();
    stop = new AbortController();
    try {
      const response = await fetch('/search/hits?q=' + encodeURIComponent(field.value), { signal: stop.signal });
      if (!response.ok) throw new Error(response.status);
      show(await response.text());
    } catch (error) {
      if (error.name === 'AbortError') return;
      list.replaceChildren();
      choose(0);
      none.textContent = 'The search has no answer: the server cannot be reached.';
    }
  }

  function open() {
    if (dialog.open) return;
    for (const other of document.querySelectorAll('dialog[open]')) other.close();
    field.value = '';
    list.replaceChildren();
    none.textContent = '';
    dialog.showModal();
    asked = search();
  }

  field.addEventListener('input', () => { asked = search(); });
  field.addEventListener('keydown', async (event) => {
    if (event.key === 'Escape' && !event.isComposing) dialog.close(); // the browser would only empty the field
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by && (event.key !== 'Enter' || event.isComposing)) return;
    event.preventDefault();
    await asked; // a key means a row of the hits to come, not of those that they replace
    if (by) choose(at + by);
    else hits()[at]?.click();
  });
  list.addEventListener('click', (event) => {
    const hit = event.target.closest('[data-hit]');
    if (!hit) return;
    dialog.close();
    if (hit.dataset.press) document.getElementById(hit.dataset.press).click();
  });
  dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
  document.addEventListener('keydown', (event) => {
    if (event.key.toLowerCase() !== 'k' || !(mac ? event.metaKey : event.ctrlKey) || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (dialog.open) dialog.close();
    else open();
  });
  for (const link of document.querySelectorAll('[data-palette]')) {
    const key = link.querySelector('kbd');
    if (key && mac) key.textContent = '⌘K';
    link.addEventListener('click', (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      open();
    });
  }
  for (const button of document.querySelectorAll('main [data-press]')) {
    button.addEventListener('click', () => document.getElementById(button.dataset.press).click());
  }
})();
