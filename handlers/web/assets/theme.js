// Before anything is drawn: the theme that was chosen (system, light or dark), and that
// scripts run, which shows what only they can do.
(() => {
  'use strict';

  const KEY = 'scrapelog.theme';
  const NEXT = { '': 'light', light: 'dark', dark: '' };
  const root = document.documentElement;

  function apply(theme) {
    if (theme) root.dataset.theme = theme;
    else delete root.dataset.theme;
  }

  function label(button) {
    const theme = root.dataset.theme || 'system';
    button.querySelector('span').textContent = theme[0].toUpperCase() + theme.slice(1);
    button.setAttribute('aria-label', 'Theme: ' + theme);
  }

  root.classList.add('scripted');
  const kept = localStorage.getItem(KEY);
  apply(kept in NEXT ? kept : '');
  document.addEventListener('DOMContentLoaded', () => {
    const button = document.getElementById('theme');
    if (!button) return;
    label(button);
    button.addEventListener('click', () => {
      const theme = NEXT[root.dataset.theme || ''];
      apply(theme);
      if (theme) localStorage.setItem(KEY, theme);
      else localStorage.removeItem(KEY);
      label(button);
    });
  });
})();
