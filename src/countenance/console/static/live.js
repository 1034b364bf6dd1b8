// Keeps the part of the page with the id "live" up to date, which a reload does as well. It asks while somebody looks
// and something is open, and never takes the focus from anybody. Each look is calls that are recorded, so it stops when
// nobody has touched the page for a while. It keeps no session alive: the server does not take it for a sign of anybody.
//
// Without data-parts it says what has changed in the words of data-said. With data-parts it says nothing but that it
// is not up to date, and what has a data-part is replaced one by one; what the server did not look at again stays.

const LEFT_AFTER_MS = 10 * 60 * 1000;
const WHOLE_EVERY = 4; // looks; those between are at what changes quickly
const MOST_FAILED = 3; // looks in a row: a server that starts anew is back by then
const said = document.getElementById("said");
let touched = Date.now();
let looks = 0;
let failed = 0;
for (const sign of ["pointermove", "keydown", "scroll"]) {
  addEventListener(sign, () => { touched = Date.now(); }, { passive: true });
}

class SignedOut extends Error {}

const isWhole = () => looks % WHOLE_EVERY === 0;

async function lookedAt() {
  looks += 1;
  const answer = await fetch(location.href, {
    credentials: "same-origin",
    redirect: "manual",
    headers: { "x-countenance-refresh": isWhole() ? "whole" : "quick" },
  });
  if (answer.type === "opaqueredirect") throw new SignedOut("you are signed out");
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const now = page.getElementById("live");
  if (now === null) throw new Error("the page is another one");
  return now;
}

/** Put what is now in the place of what was; what somebody opened or moved in it stays so. */
function replace(was, now) {
  if (was.isEqualNode(now) || was.contains(document.activeElement)) return false;
  const opened = [...was.querySelectorAll("details")].map((each) => each.open);
  const moved = [...was.querySelectorAll(".wide")].map((each) => each.scrollLeft);
  was.replaceWith(document.adoptNode(now));
  now.querySelectorAll("details").forEach((each, place) => { each.open = opened[place] ?? each.open; });
  now.querySelectorAll(".wide").forEach((each, place) => { each.scrollLeft = moved[place] ?? each.scrollLeft; });
  return true;
}

const partsOf = (element) => [...element.querySelectorAll("[data-part]")].map((each) => each.dataset.part);

function update(live, now) {
  if (live.dataset.parts === undefined) {
    if (now.dataset.said !== live.dataset.said) said.textContent = `${now.dataset.said}.`;
    replace(live, now);
    return;
  }
  // A plot or a tile has come or gone: with the focus in it, what is there still is replaced.
  if (isWhole() && partsOf(live).join() !== partsOf(now).join() && replace(live, now)) return;
  for (const part of now.querySelectorAll("[data-part]")) {
    const was = live.querySelector(`[data-part="${part.dataset.part}"]`);
    if (was !== null) replace(was, part);
  }
}

async function look() {
  const live = document.getElementById("live");
  const isInParts = live.dataset.parts !== undefined;
  if (Date.now() - touched > LEFT_AFTER_MS) {
    said.textContent = "Nobody has touched this page for ten minutes: reload it to see how it stands.";
    return;
  }
  if (!document.hidden && (isInParts || !live.contains(document.activeElement))) {
    try {
      const now = await lookedAt();
      if (failed > 0) said.textContent = "";
      failed = 0;
      update(live, now);
      if (Number(now.dataset.open) === 0) return;
    } catch (error) {
      said.textContent = `Not up to date: ${error.message}. Reload the page to see how it stands.`;
      failed += 1;
      if (error instanceof SignedOut || (isInParts && failed >= MOST_FAILED)) return;
    }
  }
  setTimeout(look, Number(live.dataset.every));
}

const first = document.getElementById("live");
if (first !== null && Number(first.dataset.open) > 0) setTimeout(look, Number(first.dataset.every));
