// Keeps an open page up with what happens, by server-sent events: the live page, and the shelves of "For you".
// Text comes in by textContent alone; nothing that was sent is ever markup.

const SHOWN = 20;

const at = (root, name) => root.querySelector(`[data-${name}]`);

const element = (name, text, classes = "") => {
  const made = document.createElement(name);
  made.textContent = text;
  if (classes) made.className = classes;
  return made;
};

const row = (...cells) => {
  const made = document.createElement("tr");
  made.append(...cells);
  return made;
};

const percent = (share) => `${(100 * share).toFixed(2)}`;

/** An EventSource for `url`; each event of `handlers` gets its data. What is not JSON is left out. */
const listen = (url, handlers, connection) => {
  const source = new EventSource(url, { withCredentials: true });
  for (const [name, handle] of Object.entries(handlers)) {
    source.addEventListener(name, (event) => {
      let data;
      try { data = JSON.parse(event.data); } catch { return; }
      handle(data);
    });
  }
  source.addEventListener("open", () => connection?.("open"));
  source.addEventListener("error", () => connection?.(source.readyState === EventSource.CLOSED ? "closed" : "lost"));
  addEventListener("pagehide", () => source.close());
  // A page that comes back out of the browser's memory has lost its stream.
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  return source;
};

const PLACES = { for_you: "For you", because: "Because you …", category: "Popular in …", new: "New here", popular: "Popular now", similar: "Similar" };
const STAGES = { quiet: "none yet", due: "is being made", publishing: "goes live", refused: "was not better", live: "is live" };

const livePage = (page) => {
  const said = document.querySelector("[data-live-said]");
  const told = document.querySelector("[data-connection]");
  const pause = document.querySelector("[data-pause]");
  const gauge = at(page, "gauge");
  let paused = false;
  let live = at(page, "champion").textContent;
  let missed = {};

  const draw = {
    tide: ({ lag, mark }) => {
      const full = Math.max(0, Math.min(140, (140 * 0.8 * (lag ?? 0)) / mark));
      const water = gauge.querySelector(".water");
      water.setAttribute("y", String(145 - full));
      water.setAttribute("height", String(full));
      at(page, "lag-value").textContent = lag === null ? "unknown: Kafka does not answer" : lag.toLocaleString();
      at(page, "mark-value").textContent = mark.toLocaleString();
    },
    rate: ({ per_second, series }) => {
      const most = Math.max(4, ...series);
      const points = series.map((count, n) => `${((240 * n) / (series.length - 1)).toFixed(1)} ${(76 - (72 * count) / most).toFixed(1)}`);
      at(page, "spark").setAttribute("d", `M${points.join("L")}`);
      const sums = [0, 1, 2, 3, 4, 5].map((n) => series.slice(60 - 10 * (n + 1), 60 - 10 * n).reduce((sum, count) => sum + count, 0));
      const heads = [["Now", `${per_second.toFixed(1)} a second`], ...sums.map((sum, n) => [`${10 * n}–${10 * (n + 1)} s ago`, String(sum)])];
      at(page, "rate").replaceChildren(...heads.map(([head, text]) => {
        const th = element("th", head);
        th.scope = "row";
        return row(th, element("td", text));
      }));
    },
    top: (items) => {
      at(page, "top-note").textContent = "Of the newest 10,000 interactions.";
      at(page, "top").replaceChildren(...items.map(({ item_id, title, taken }) => {
        const link = element("a", "");
        link.href = `/product?item=${encodeURIComponent(item_id)}`;
        link.append(element("bdi", title));
        const name = element("td", "");
        name.append(link);
        return row(name, element("td", taken.toLocaleString(), "n"));
      }));
    },
    models: (models) => {
      const rate = (figure) => {
        const cell = element("td", figure ? `${percent(figure.value)} % ` : "–");
        if (figure) cell.append(element("span", `(${percent(figure.low)} to ${percent(figure.high)})`, "faint"));
        return cell;
      };
      if (!models.length) return;
      at(page, "models").replaceChildren(...models.map(({ model_id, status, engine, engagement }) => {
        const name = element("th", model_id, "id");
        name.scope = "row";
        return row(
          name, element("td", status ?? "–"), element("td", engine ?? "–"),
          element("td", engagement ? engagement.shown.toLocaleString() : "–", "n"),
          element("td", engagement ? engagement.clicked.toLocaleString() : "–", "n"),
          rate(engagement?.click_through), rate(engagement?.purchase_rate),
        );
      }));
    },
    retrain: (state) => {
      if (!state) return;
      const cell = at(page, "retrain");
      cell.dataset.stage = state.stage;
      cell.textContent = STAGES[state.stage] ?? state.stage;
    },
    steps: (newest) => {
      if (!newest) return;
      at(page, "steps-model").textContent = newest.model_id;
      at(page, "steps").replaceChildren(...newest.steps.map(({ step, state, seconds }) => {
        const name = element("th", step);
        name.scope = "row";
        const made = row(name, element("td", state), element("td", seconds === null ? "–" : seconds.toFixed(1), "n"));
        made.dataset.state = state;
        return made;
      }));
    },
    champion: (pointer) => {
      if (!pointer) return;
      at(page, "champion").textContent = pointer.model_id;
      if (pointer.model_id !== live) said.textContent = `A newer model is live: ${pointer.model_id}`;
      live = pointer.model_id;
    },
    shown: (lists) => {
      const body = at(page, "shown");
      for (const one of lists) {
        if (body.querySelector(`[data-number="${Number(one.number)}"]`)) continue;
        if (!body.querySelector("[data-number]")) body.replaceChildren();
        const to = element("td", "");
        to.append(element("bdi", one.user_id ?? "somebody unknown"));
        const products = element("td", "");
        one.items.forEach((item, n) => products.append(n ? ", " : "", element("bdi", item)));
        if (one.more) products.append(` and ${one.more} more`);
        const made = row(
          element("td", new Date(one.at).toLocaleTimeString([], { hourCycle: "h23" })), to, element("td", PLACES[one.placement] ?? one.placement), products,
          element("td", one.model_id ?? "–", "id"),
        );
        made.dataset.number = String(one.number);
        made.className = "arrived";
        body.prepend(made);
      }
      while (body.rows.length > SHOWN) body.lastElementChild.remove();
    },
  };

  const show = (parts) => {
    for (const [part, value] of Object.entries(parts)) {
      if (value !== null && value !== undefined) draw[part]?.(value);
    }
  };
  const news = (parts) => {
    if (!paused) return show(parts);
    // While it is paused the newest of each part is kept, and of lists the newest twenty.
    const lists = [...(missed.shown ?? []), ...(parts.shown ?? [])].slice(-SHOWN);
    missed = { ...missed, ...parts };
    if (lists.length) missed.shown = lists;
  };
  const whole = (parts) => {
    // Another process numbers its lists anew.
    if (!paused) at(page, "shown").querySelectorAll("[data-number]").forEach((old) => old.remove());
    news(parts);
  };

  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    told.textContent = paused ? "Paused." : "Live.";
    if (!paused) {
      show(missed);
      missed = {};
    }
  });
  listen(page.dataset.stream, { whole, news }, (state) => {
    page.dataset.connected = String(state === "open");
    if (!paused) told.textContent = { open: "Live.", lost: "Lost: trying again …", closed: "Ended: load the page again." }[state];
  });
};

const ownShelves = (place) => {
  const note = at(place, "live-note");
  let looking = false;
  let again = false;

  const say = (text) => {
    note.hidden = false;
    note.textContent = text;
  };
  // Kafka's word on a shelf, where "How was this made?" has no more than a link for it.
  const delivered = ({ shown = [] }) => {
    for (const { recommendation_id, partition, offset } of shown) {
      for (const link of document.querySelectorAll("[data-delivery] a")) {
        const rid = new URL(link.href, location.href).searchParams.get("rid");
        if (rid === recommendation_id) link.replaceWith(`partition ${partition}, offset ${offset.toLocaleString()}`);
      }
    }
  };
  const TRIES = 12;
  const look = async (text, tries = 0) => {
    if (looking) {
      again = true;
      return;
    }
    looking = true;
    try {
      const answer = await fetch(place.dataset.url, { headers: { accept: "text/html" } });
      if (!answer.ok || answer.redirected) return;
      const made = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-shelves]");
      const old = document.querySelector("[data-shelves]");
      if (!made || !old) return;
      // The worker that answered may not have heard of it yet, as this page has: then it is asked again.
      if (tries > 0 && made.dataset.version !== undefined && made.dataset.version === old.dataset.version) {
        setTimeout(() => look(text, tries - 1), 300);
        return;
      }
      // Whoever has the focus in there, or reads how a shelf was made, is not to lose their place.
      const held = document.activeElement?.closest("[data-shelves]") ? document.activeElement.closest("[data-item]")?.dataset.item : undefined;
      const open = [...old.querySelectorAll("[data-shelf]:has(details[open])")].map((shelf) => shelf.dataset.shelf);
      old.replaceWith(document.adoptNode(made));
      for (const name of open) made.querySelector(`[data-shelf="${CSS.escape(name)}"] details`)?.setAttribute("open", "");
      if (held !== undefined) (made.querySelector(`[data-item="${CSS.escape(held)}"] a`) ?? document.getElementById("main"))?.focus();
      say(text);
    } catch {
      // The next event tries again.
    } finally {
      looking = false;
      if (again) {
        again = false;
        look(text, TRIES);
      }
    }
  };
  const changed = (why) => {
    delivered(why);
    const text = why.champion
      ? "A newer model is live: these are its recommendations."
      : why.withdrawn
        ? "A product is no longer to be had: your recommendations are without it."
      : why.deleted
        ? "Your recommendations are without what you deleted."
        : "Your recommendations take into account what you just did.";
    // The storefront follows the same messages: a moment later it knows of them too.
    setTimeout(() => look(text, TRIES), 200);
  };

  listen(place.dataset.stream, { hello: delivered, shown: delivered, changed }, (state) => {
    place.dataset.connected = String(state === "open");
  });
};

for (const place of document.querySelectorAll("[data-live][data-stream]")) {
  if (place.dataset.live === "page") livePage(place);
  else if (place.dataset.live === "me") ownShelves(place);
}
