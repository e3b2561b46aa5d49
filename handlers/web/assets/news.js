// What is new while somebody reads. Pages are told of each change, and fetch themselves
// again; this file lets the rows that somebody looks at stay where they are meanwhile. On
// the log and the runs new rows wait behind "12 new". A page that refreshes
// listens to "show", or to "rows" if it is such a list.
(() => {
  'use strict';

  const ROW = 'tbody tr, .latest li, .lane';
  const AIMING = 3000; // how long after it moved a pointer is on its way to something, in ms
  const PAUSE = 1000; // between two counts, in ms
  const live = document.getElementById('live');
  const button = document.getElementById('news');
  if (!live || !button) return;

  let moved = 0;
  let waiting = false; // something is new and not shown
  let counting = false;

  const main = () => document.getElementById('main');
  const hovers = matchMedia('(hover: hover)').matches;
  const under = (page, what) => hovers && page.querySelector(what.split(', ').map((one) => one + ':hover').join(', '));

  function selects(page) {
    const selection = getSelection();
    return !selection.isCollapsed && page.contains(selection.anchorNode);
  }

  function reads(page) {
    const table = page.querySelector('table');
    return table && table.getBoundingClientRect().top < 0 || under(page, 'tbody tr') || selects(page) ||
      page.querySelector('tbody details[open], tbody input:checked, .drawer') || document.activeElement.closest('tbody');
  }

  // Beyond lists of rows, only a pointer that is on its way to something holds a page.
  function holds() {
    const page = main();
    if (page.hasAttribute('data-rows')) return Boolean(reads(page));
    return Date.now() - moved < AIMING && Boolean(under(page, ROW));
  }

  function show() {
    waiting = false;
    button.hidden = true;
    for (const name of ['show', 'rows']) live.dispatchEvent(new CustomEvent(name));
  }

  const linksOf = (page) => Array.from(page.querySelectorAll('tbody th a'), (link) => link.getAttribute('href'));

  // The page as it would be now tells how many of its rows are new, under any filter.
  async function count() {
    if (counting) return;
    counting = true;
    await new Promise((done) => setTimeout(done, PAUSE));
    counting = false;
    const page = main();
    if (!waiting || !page.hasAttribute('data-rows')) return;
    try {
      const response = await fetch(page.getAttribute('hx-get'), { headers: { 'HX-Request': 'true' } });
      if (!response.ok) return;
      const now = linksOf(new DOMParser().parseFromString(await response.text(), 'text/html'));
      const shown = new Set(linksOf(page));
      const fresh = now.filter((link) => !shown.has(link)).length;
      button.textContent = (fresh === now.length ? fresh + '+' : fresh) + ' new';
      button.hidden = !waiting || fresh === 0;
    } catch { /* the page says by itself that the server is away */ }
  }

  function heard(event) {
    if (event.detail && event.detail.now || !holds()) return show();
    waiting = true;
    count();
  }

  for (const name of ['position', 'refresh']) live.addEventListener(name, heard);
  live.addEventListener('beat', () => { if (!holds()) live.dispatchEvent(new CustomEvent('tick')); });
  document.addEventListener('pointermove', () => { moved = Date.now(); }, { passive: true });
  button.addEventListener('click', () => {
    scrollTo({ top: 0 });
    show();
  });
  setInterval(() => { if (waiting && !holds()) show(); }, 1000);
})();
