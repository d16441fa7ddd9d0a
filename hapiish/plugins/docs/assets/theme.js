// Runs before the page is painted, so that a remembered theme does not flash. A classic script, because modules wait.
"use strict";
(() => {
  let kept = null;
  try {
    kept = localStorage.getItem("hapiish-docs-theme");
  } catch {
    // Storage is off: the system decides.
  }
  if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
})();
