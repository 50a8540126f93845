// The theme that was chosen in Airflow: this page is of the same origin, so it can see the choice, and every change of it.
"use strict";
(() => {
  const apply = () => {
    let chosen = null;
    try { chosen = localStorage.getItem("theme"); } catch { /* storage is closed to us: the system's theme it is */ }
    const root = document.documentElement;
    if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
    else delete root.dataset.theme;
  };
  apply();
  addEventListener("storage", apply);
})();
