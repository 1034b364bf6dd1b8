// Tools of comparison for the examination page, which works without: zoom, overlay, flicker, lines; a draft that
// survives a reload (in this tab alone, verdicts only); and how long is still to be looked.

const form = document.getElementById("examination");
// Of one person, one review and one seat: in another the pictures lie in another order, and another person's
// verdict is not to be seen.
const draft = `draft ${form.dataset.draft}`;
const passing = new Set(["form_token", "label", "began_at"]);
const FLICKER_MS = 500;

for (const pair of form.querySelectorAll(".pair")) {
  const shown = pair.querySelector("[data-pair]");
  const tools = pair.querySelector(".tools");
  tools.hidden = false;
  const toggle = (button, name) => {
    const on = shown.classList.toggle(name);
    button.setAttribute("aria-pressed", String(on));
    return on;
  };
  tools.querySelector("[data-zoom]").addEventListener("input", (event) => {
    for (const image of pair.querySelectorAll("img")) image.style.setProperty("--zoom", event.target.value);
  });
  // Laid over each other, or in turn, only aligned pictures compare anything: others have no such buttons.
  const swap = tools.querySelector("[data-swap]");
  swap?.addEventListener("click", (event) => toggle(event.currentTarget, "over-each-other"));
  tools.querySelector("[data-grid]").addEventListener("click", (event) => toggle(event.currentTarget, "lines"));
  let timer = null;
  tools.querySelector("[data-flicker]")?.addEventListener("click", (event) => {
    const on = toggle(event.currentTarget, "flicker");
    clearInterval(timer);
    shown.classList.remove("other");
    // At two a second, under the three flashes that may do harm (WCAG 2.3.1), and only while somebody asks for it.
    if (on) timer = setInterval(() => shown.classList.toggle("other"), FLICKER_MS);
  });
}

const kept = sessionStorage.getItem(draft);
if (kept !== null) {
  for (const [name, value] of JSON.parse(kept)) {
    const field = form.elements.namedItem(name);
    if (field !== null && !passing.has(name)) field.value = value;
  }
}
form.addEventListener("input", () => {
  const said = [...new FormData(form)].filter(([name]) => !passing.has(name));
  sessionStorage.setItem(draft, JSON.stringify(said));
});

const button = form.querySelector("button:not([type])");
const wait = document.getElementById("wait");
const ready = document.getElementById("ready");
// By the server's count of what is left, and this page's own clock: the one on the wall may be wrong.
const until = performance.now() + Number(form.dataset.left) * 1000;
function count() {
  const left = Math.ceil((until - performance.now()) / 1000);
  wait.textContent = left > 0 ? `A verdict is taken in ${left} seconds.` : "";
  if (left > 0) setTimeout(count, 1000);
  else ready.textContent = "A verdict is taken now."; // read out once, and not every second
}
count();
form.addEventListener("submit", () => {
  sessionStorage.setItem("draft sent", draft); // keep.js clears it when it was taken
  button.setAttribute("aria-busy", "true");
});
