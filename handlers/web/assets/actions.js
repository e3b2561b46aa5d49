// What people do on a page: forms are sent without leaving it, with a toast that says what
// was recorded, and a question is asked in a dialog. Without this file a form leads to the
// page that says it, and a question is a page.
(() => {
  'use strict';

  const STAYS = 6000; // how long a toast stays, in ms
  const toasts = document.getElementById('toasts');
  const alerts = document.getElementById('alerts');
  const dialog = document.getElementById('ask-dialog');
  if (!toasts || !alerts || !dialog) return;
  const sending = new WeakSet();

  const parse = (html) => new DOMParser().parseFromString(html, 'text/html');

  // A toast says its text by being put into a region that is read out. It goes by itself,
  // but not while it is looked at; an error stays.
  function toast(region, nodes) {
    const box = document.createElement('div');
    box.className = 'toast';
    const close = document.createElement('button');
    close.type = 'button';
    close.className = 'toast-close';
    close.setAttribute('aria-label', 'Dismiss');
    close.textContent = '×';
    close.addEventListener('click', () => box.remove());
    box.append(...nodes, close);
    region.replaceChildren(box);
    if (region === alerts) return;
    alerts.replaceChildren();
    let timer;
    const leave = () => { timer = setTimeout(() => box.remove(), STAYS); };
    const stay = () => clearTimeout(timer);
    for (const name of ['mouseenter', 'focusin']) box.addEventListener(name, stay);
    for (const name of ['mouseleave', 'focusout']) box.addEventListener(name, () => { stay(); leave(); });
    leave();
  }

  function paragraph(...words) {
    const p = document.createElement('p');
    p.append(...words);
    return p;
  }

  // An error is said where it arose: in the dialog that is open, or in a toast that stays.
  function refuse(nodes) {
    if (!dialog.open) return toast(alerts, nodes);
    let at = dialog.querySelector('[role=alert]');
    if (!at) {
      at = document.createElement('div');
      at.setAttribute('role', 'alert');
      at.className = 'warning';
      dialog.querySelector('form').before(at);
    }
    at.replaceChildren(...nodes);
  }

  function refusal(page, status) {
    const problem = page.querySelector('[data-problem]');
    if (!problem) return [paragraph('Not done: the server answered with HTTP ' + status + '. Try again in a moment.')];
    const title = document.createElement('strong');
    title.textContent = problem.querySelector('h1').textContent;
    return [paragraph(title), ...Array.from(problem.querySelectorAll('p'))];
  }

  // What was recorded is in the page that the form leads to. Where that page says nothing of
  // it, or is the one to go on with, it is gone to.
  function accept(form, response, page) {
    const notice = form.dataset.says ? paragraph(form.dataset.says) : page.querySelector('main > .notice');
    if (!notice || form.hasAttribute('data-follow')) return location.assign(response.url);
    if (dialog.open) dialog.close();
    toast(toasts, form.dataset.says ? [notice] : Array.from(notice.children));
    const live = document.getElementById('live');
    if (live) live.dispatchEvent(new CustomEvent('refresh', { detail: { now: true } }));
  }

  async function send(form, by) {
    if (sending.has(form)) return;
    sending.add(form);
    form.setAttribute('aria-busy', 'true');
    try {
      const response = await fetch((by && by.getAttribute('formaction')) || form.getAttribute('action'), {
        method: 'POST', body: new URLSearchParams(new FormData(form, by)), headers: { Accept: 'text/html' },
      });
      const page = parse(await response.text());
      if (response.ok) accept(form, response, page);
      else refuse(refusal(page, response.status));
    } catch {
      refuse([paragraph('Nothing came back: the server cannot be reached. The page will show whether it was done; try again if it was not.')]);
    }
    sending.delete(form);
    form.removeAttribute('aria-busy');
  }

  // ask shows the question of a page in the dialog, or goes to the page.
  async function ask(url) {
    try {
      const response = await fetch(url, { headers: { Accept: 'text/html' } });
      const question = parse(await response.text()).querySelector('[data-ask]');
      if (!response.ok || !question) throw new Error('no question');
      dialog.replaceChildren(document.adoptNode(question));
      const heading = question.querySelector('h1');
      if (heading) dialog.setAttribute('aria-label', heading.textContent);
      if (!dialog.open) dialog.showModal();
    } catch {
      location.assign(url);
    }
  }

  // A run that is attached lives with this tab, so that only a script can ask for one.
  function attach(form) {
    form.elements.attach.value = sessionStorage.getItem('scrapelog.watcher');
    sessionStorage.setItem('scrapelog.attached', '1');
  }

  async function copy(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const field = document.createElement('textarea'); // a page that came over plain HTTP has no clipboard
    field.value = text;
    (document.querySelector('dialog[open]') || document.body).append(field);
    field.select();
    const done = document.execCommand('copy');
    field.remove();
    if (!done) throw new Error('refused');
  }

  async function copied(text, button) {
    try {
      await copy(text);
    } catch {
      return toast(alerts, [paragraph('Not copied: the browser does not let this page copy. Select the text and copy it by hand.')]);
    }
    toast(toasts, [paragraph(text.length > 60 ? 'Copied.' : 'Copied ' + text)]);
    const word = button && button.querySelector('span');
    if (!word) return;
    word.dataset.before = word.dataset.before || word.textContent;
    word.textContent = 'Copied';
    setTimeout(() => { word.textContent = word.dataset.before; }, 2000);
  }

  document.addEventListener('submit', (event) => {
    const form = event.target;
    const by = event.submitter;
    if (event.defaultPrevented || form.closest('[data-plain]')) return;
    if (by && by.hasAttribute('data-dialog')) {
      event.preventDefault();
      const url = new URL(by.getAttribute('formaction') || form.getAttribute('action'), location);
      url.search = new URLSearchParams(new FormData(form, by));
      return ask(url);
    }
    if (form.getAttribute('method') !== 'post') return;
    event.preventDefault();
    if (form.hasAttribute('data-attach')) attach(form);
    send(form, by);
  });

  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const at = event.target.closest('[data-copy], a[data-dialog], [data-close]');
    if (!at) return;
    if (at.hasAttribute('data-copy')) copied(at.dataset.copy, at);
    else if (at.hasAttribute('data-close')) {
      if (!dialog.contains(at)) return;
      dialog.close();
    } else ask(at.href);
    event.preventDefault();
  });

  // A click anywhere in a row means the row's link, but not one that ends a selection.
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.target.closest('a, button, input, select, label, summary, pre') || !getSelection().isCollapsed) return;
    const link = event.target.closest('main tbody tr')?.querySelector('th a');
    if (!link) return;
    const { ctrlKey, metaKey, shiftKey } = event;
    link.dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true, ctrlKey, metaKey, shiftKey }));
  });

  dialog.addEventListener('close', () => dialog.replaceChildren());
  const said = document.querySelector('main > .notice');
  if (said) {
    said.remove();
    toast(toasts, Array.from(said.children));
    history.replaceState(null, '', location.pathname + location.search.replace(/[?&]recorded=\d+/, '') + location.hash);
  }

  // Other files of the page ask and copy too.
  document.addEventListener('scrapelog:ask', (event) => ask(event.detail));
  document.addEventListener('scrapelog:copy', (event) => copied(event.detail));
})();
