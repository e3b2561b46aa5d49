// The page's own part of live updates. htmx swaps what the stream brings; this
// file names the tab, notices when the stream has gone silent (no library does),
// and keeps ages and forms in step with it. Without it every page still works.
(() => {
  'use strict';

  const MISSED = 3; // beats without a word, and the connection counts as lost
  const CONNECTED = 'htmx:sse:after:connection';
  const MESSAGE = 'htmx:sse:before:message';
  const SWAPPED = 'htmx:finally:swap'; // after:swap comes before the title is set

  const live = document.getElementById('live');
  const banner = document.getElementById('live-lost');
  if (!live || !banner) return;

  let heard = Date.now();
  let position = Number(live.dataset.position) || 0;
  let connection = null;
  let lost = false;
  let tried = 0;
  let losses = live.dataset.lost;

  // A tab keeps its watcher id from page to page, so that a click is not a loss.
  function tabID() {
    let id = sessionStorage.getItem('scrapelog.watcher');
    if (!id) {
      const bytes = crypto.getRandomValues(new Uint8Array(12));
      id = 'tab-' + Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
      sessionStorage.setItem('scrapelog.watcher', id);
    }
    return id;
  }

  // Background tabs pause their stream, because browsers allow six connections
  // to a host. A tab that holds an attached run must not: the run would be lost.
  function connect() {
    if (sessionStorage.getItem('scrapelog.attached')) {
      live.setAttribute('hx-config', live.getAttribute('hx-config') + ' sse.pauseOnBackground:false');
    }
    live.setAttribute('hx-sse:connect', '/live?id=' + encodeURIComponent(tabID()));
  }

  function alive() {
    heard = Date.now();
    if (lost) show(false);
    if (unseen()) document.dispatchEvent(new Event('visibilitychange'));
  }

  // htmx pauses a stream when its tab goes into the background, but not one that
  // was still connecting then, or whose tab was opened there: that one is told
  // of it with its first message.
  function unseen() {
    return document.hidden && !sessionStorage.getItem('scrapelog.attached');
  }

  function show(isLost) {
    lost = isLost;
    banner.hidden = !isLost;
    document.documentElement.classList.toggle('mute', isLost);
    entitle();
    if (isLost) {
      const asOf = banner.querySelector('time');
      asOf.dateTime = new Date(heard).toISOString();
      asOf.textContent = asOf.dateTime.slice(0, 19).replace('T', ' ') + ' UTC';
    }
  }

  // The tab's title and sign follow losses, as the server writes them first. A page that is
  // swapped in brings the title of the moment at which it was fetched.
  function entitle() {
    const page = losses && live.dataset.section === '/' ? [] : [live.dataset.title];
    document.title = (lost ? '(no live updates) ' : '') + [...(losses ? [losses + ' lost'] : []), ...page, 'scrapelog'].join(' · ');
    const icon = document.getElementById('icon');
    const wanted = losses ? live.dataset.iconLost : live.dataset.icon;
    if (icon.getAttribute('href') !== wanted) icon.setAttribute('href', wanted);
  }

  // A half-open stream is ended here, a failed first connect tried again; htmx
  // then reconnects by itself.
  function reconnect() {
    if (connection && connection.reader) connection.reader.cancel();
    else live.dispatchEvent(new CustomEvent('reconnect'));
  }

  function watch() {
    if (unseen()) {
      heard = Date.now(); // paused on purpose
      return;
    }
    const silence = Date.now() - heard;
    const beat = Number(live.dataset.beat); // what the server promises
    if (silence < MISSED * beat) return;
    if (!lost) show(true);
    if (Date.now() - tried < beat) return;
    tried = Date.now();
    reconnect();
  }

  // Ages count on while the page is live, and stand still when it is not: an age
  // that grows would say that we know what we do not.
  function ages() {
    if (lost) return;
    for (const element of document.querySelectorAll('time[data-age]')) {
      element.textContent = age(Date.now() - Date.parse(element.dateTime));
    }
  }

  function age(ms) {
    const s = Math.max(0, Math.floor(ms / 1000));
    if (s < 60) return s + '\u00a0s';
    if (s < 3600) return Math.floor(s / 60) + '\u00a0min ' + (s % 60) + '\u00a0s';
    if (s < 86400) return Math.floor(s / 3600) + '\u00a0h ' + Math.floor((s % 3600) / 60) + '\u00a0min';
    return Math.floor(s / 86400) + '\u00a0d ' + Math.floor((s % 86400) / 3600) + '\u00a0h';
  }

  // Lanes move with the time while the page is live, until they are fetched again. What
  // has passed is counted here: the clocks of browser and server may differ.
  const fetched = new WeakMap();
  function lanes() {
    if (lost) return;
    for (const lane of document.querySelectorAll('svg[data-until]')) {
      let known = fetched.get(lane);
      if (!known || known.until !== lane.dataset.until) fetched.set(lane, known = { until: lane.dataset.until, at: performance.now() });
      const passed = (performance.now() - known.at) / 1000;
      const [, y, wide, high] = lane.getAttribute('viewBox').split(' ');
      lane.setAttribute('viewBox', passed.toFixed(1) + ' ' + y + ' ' + wide + ' ' + high);
      const axis = lane.closest('.lanes').querySelector('.lane-axis');
      axis.style.transform = 'translateX(' + (-100 * passed / wide).toFixed(2) + '%)';
    }
  }

  // Away from the newest end a page stands still, and says that there is more.
  function news() {
    for (const link of document.querySelectorAll('[data-news]')) {
      const more = position - Number(link.dataset.news);
      link.hidden = more <= 0;
      link.textContent = more === 1 ? '1 new event' : more + ' new events';
    }
  }

  // The log moved on between the page and its stream, or while it was away:
  // the page's main part is fetched again.
  live.addEventListener('state', (event) => {
    const head = Number(event.detail.data) || 0;
    if (head > position) live.dispatchEvent(new CustomEvent('refresh'));
    position = Math.max(position, head);
    news();
  });
  live.addEventListener('position', (event) => {
    position = Math.max(position, Number(event.detail.data) || 0);
    news();
  });
  live.addEventListener('lost', (event) => {
    losses = event.detail.data === '0' ? '' : event.detail.data;
    entitle();
  });
  document.addEventListener(SWAPPED, entitle);
  live.addEventListener(CONNECTED, (event) => {
    connection = event.detail.connection; // a header alone proves nothing: messages do
  });
  live.addEventListener(MESSAGE, alive);
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) heard = Date.now();
  });

  // On a small screen a filter that leaves nothing out is in the way of what it
  // would filter.
  function fold() {
    if (!matchMedia('(max-width: 54rem)').matches) return;
    for (const filter of document.querySelectorAll('details.filters:not([data-narrowed])')) filter.open = false;
  }

  fold();
  connect();
  setInterval(watch, 1000);
  setInterval(ages, 1000);
  setInterval(lanes, 1000);
})();
