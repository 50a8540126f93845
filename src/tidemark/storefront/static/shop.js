// What the shop's pages do beyond HTML: a button acts without a new page, and "How was this made?" fetches Kafka's word.
// All of it is extra: without it each button is a form, and each word of Kafka a link.

const said = document.querySelector("[data-said]");

const SAID_FOR = 8000;
let over;

const say = (text) => {
  said.hidden = false;
  said.classList.add("over");
  said.textContent = text;
  clearTimeout(over);
  over = setTimeout(() => { said.hidden = true; }, SAID_FOR);
};

const leave = (card) => {
  const next = card.nextElementSibling ?? card.previousElementSibling;
  const shelf = card.closest("[data-shelf]");
  const id = card.dataset.item;
  for (const same of document.querySelectorAll("li[data-item]")) if (same.dataset.item === id) same.remove();
  // Whoever uses the keyboard goes on where they were, and not at the top of the page.
  const to = next?.isConnected ? next.querySelector(".name a") : shelf?.querySelector("summary");
  to?.focus();
};

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-act]");
  const button = event.submitter;
  if (!form || !button) return;
  event.preventDefault();
  if (form.getAttribute("aria-busy") === "true") return;
  form.setAttribute("aria-busy", "true");
  const sent = new FormData(form, button);
  try {
    const answer = await fetch(form.action, { method: "POST", body: sent, headers: { accept: "application/json" } });
    if (answer.status === 401) location.reload();
    else if (!answer.ok) say(answer.status === 503 ? "That did not work just now: try again in a moment." : `That did not work (${answer.status}): load the page again.`);
    else {
      const { message, basket } = await answer.json();
      for (const at of document.querySelectorAll("[data-basket]")) at.textContent = String(basket);
      say(message);
      const card = form.closest("li[data-item]");
      if (card && sent.get("act") === "hide") leave(card);
    }
  } catch {
    say("The shop does not answer: try again in a moment.");
  } finally {
    form.removeAttribute("aria-busy");
  }
});

// "toggle" does not bubble: it is caught on its way down.
document.addEventListener("toggle", async (event) => {
  const details = event.target;
  if (!details.matches?.("details[data-how]") || !details.open) return;
  const place = details.querySelector("[data-delivery]");
  const link = place?.querySelector("a");
  if (!link) return;
  try {
    const answer = await fetch(link.href);
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const told = page.querySelector("[data-delivery]");
    if (told && !told.querySelector("a")) place.replaceChildren(...told.childNodes);
  } catch { /* the link is still there */ }
}, true);
