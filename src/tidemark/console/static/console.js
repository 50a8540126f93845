// What the pages do beyond HTML: the gauge refreshes, the graph zooms, links to Airflow leave the frame. All of it is extra.
"use strict";
(() => {
  const EVERY = 3000, HEIGHT = 132, FLOOR = 150;
  const count = (n) => (n === null ? "–" : n.toLocaleString("en-US"));

  const gauge = document.querySelector("[data-tide]");
  const show = (tide) => {
    const water = gauge.querySelector("[data-water]"), share = Math.min(tide.share, 1.12);
    water.setAttribute("transform", `translate(0 ${(FLOOR - HEIGHT * share * 0.8).toFixed(1)})`);
    gauge.classList.toggle("over", tide.lag !== null && tide.lag >= tide.mark);
    gauge.classList.toggle("away", tide.lag === null);
    for (const name of ["lag", "mark", "behind"]) {
      for (const at of document.querySelectorAll(`[data-${name}]`)) at.textContent = count(tide[name]);
    }
    const meter = gauge.querySelector("[role=meter]");
    meter.setAttribute("aria-valuenow", String(Math.min(tide.lag ?? 0, tide.mark)));
    meter.setAttribute("aria-valuemax", String(tide.mark));
    meter.setAttribute("aria-valuetext", tide.text);
    document.querySelector("[data-tide-text]").textContent = tide.text;
    document.querySelector("[data-tide-at]").textContent = `measured ${tide.measured_at.slice(11, 19)} UTC`;
  };
  const refresh = async () => {
    if (document.hidden) return;
    const at = document.querySelector("[data-tide-at]");
    try {
      const answer = await fetch(gauge.dataset.tide, { headers: { accept: "application/json" } });
      if (answer.ok) show(await answer.json());
      else at.textContent = answer.status === 401 ? "your session has ended: sign in again" : `no answer (${answer.status})`;
    } catch { at.textContent = "Airflow does not answer"; }
  };
  if (gauge) {
    setInterval(refresh, EVERY);
    document.addEventListener("visibilitychange", refresh);
  }

  for (const view of document.querySelectorAll("[data-zoom]")) {
    const image = view.querySelector("img");
    const zoom = Panzoom(image, { minScale: 0.5, maxScale: 12, step: 0.4, cursor: "grab", canvas: true });
    view.addEventListener("wheel", (event) => { if (event.ctrlKey || document.activeElement === view) zoom.zoomWithWheel(event); }, { passive: false });
    view.addEventListener("keydown", (event) => {
      const step = 60;
      const move = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] }[event.key];
      if (move) zoom.pan(move[0], move[1], { relative: true });
      else if (event.key === "+" || event.key === "=") zoom.zoomIn();
      else if (event.key === "-") zoom.zoomOut();
      else if (event.key === "0") zoom.reset();
      else return;
      event.preventDefault();
    });
    const bar = view.parentElement.querySelector("[data-zoom-bar]");
    bar.hidden = false;
    bar.addEventListener("click", (event) => {
      const asked = event.target.closest("button")?.dataset.act;
      if (asked) ({ in: zoom.zoomIn, out: zoom.zoomOut, reset: zoom.reset })[asked]();
    });
  }

  // Airflow shows these pages in a frame that may not navigate what is around it; its own document may.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-airflow]");
    if (!link || parent === window || event.ctrlKey || event.metaKey || event.shiftKey) return;
    try {
      const outer = parent.document.createElement("a");
      outer.href = link.href;
      parent.document.body.append(outer);
      event.preventDefault();
      outer.click();
      outer.remove();
    } catch { /* another origin is around us: the link works in the frame */ }
  });

  for (const form of document.querySelectorAll("form[data-once]")) {
    form.addEventListener("submit", () => { for (const button of form.querySelectorAll("button")) button.disabled = true; });
  }
})();
