// Runs before the first paint, so that a chosen theme does not flash. Without a choice the system decides.
(() => {
  const root = document.documentElement;
  const key = 'callboard.theme';
  const read = () => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  };
  const chosen = read();
  if (chosen === 'dark' || chosen === 'light') root.dataset.theme = chosen;
  // Who has signed in finds the way to sign out.
  document.addEventListener('DOMContentLoaded', () => {
    const account = document.getElementById('account');
    if (account) account.hidden = !document.cookie.split('; ').includes('callboard_signed_in=1');
  });
  document.addEventListener('click', (event) => {
    if (!event.target.closest?.('#theme')) return;
    const dark = root.dataset.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
    root.dataset.theme = dark === 'dark' ? 'light' : 'dark';
    try {
      localStorage.setItem(key, root.dataset.theme);
    } catch {
      // Private mode: the choice holds for this page.
    }
  });
})();
