// Keeps the part of the page with the id "live" up to date, which a reload does as well. It asks while somebody looks
// and something is open, never takes the focus from anybody, and says in words only what has changed. It stops when
// nobody has touched the page for a while: else a session would never end at a desk that somebody has left.

const LEFT_AFTER_MS = 10 * 60 * 1000;
const said = document.getElementById("said");
let touched = Date.now();
for (const sign of ["pointermove", "keydown", "scroll"]) {
  addEventListener(sign, () => { touched = Date.now(); }, { passive: true });
}

async function look() {
  const live = document.getElementById("live");
  if (Date.now() - touched > LEFT_AFTER_MS) {
    said.textContent = "Nobody has touched this page for ten minutes: reload it to see how it stands.";
    return;
  }
  if (!document.hidden && !live.contains(document.activeElement)) {
    try {
      const answer = await fetch(location.href, { credentials: "same-origin", redirect: "error" });
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const now = page.getElementById("live");
      if (now === null) throw new Error("the page is another one");
      if (now.dataset.said !== live.dataset.said) said.textContent = `${now.dataset.said}.`;
      live.replaceWith(document.adoptNode(now));
      if (Number(now.dataset.open) === 0) return;
    } catch (error) {
      said.textContent = `Not up to date: ${error.message}. Reload the page to see how it stands.`;
    }
  }
  setTimeout(look, Number(live.dataset.every));
}

const first = document.getElementById("live");
if (first !== null && Number(first.dataset.open) > 0) setTimeout(look, Number(first.dataset.every));
