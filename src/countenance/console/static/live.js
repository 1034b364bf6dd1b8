// Keeps the part of the page with the id "live" up to date, which a reload does as well. It asks while somebody looks
// and something is open, never takes the focus from anybody, and says in words only what has changed.

const said = document.getElementById("said");

async function look() {
  const live = document.getElementById("live");
  if (Number(live.dataset.open) === 0) return;
  if (!document.hidden && !live.contains(document.activeElement)) {
    try {
      const answer = await fetch(location.href, { credentials: "same-origin", redirect: "error" });
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const now = page.getElementById("live");
      if (now === null) throw new Error("the page is another one");
      if (now.dataset.said !== live.dataset.said) said.textContent = `${now.dataset.said}.`;
      live.replaceWith(document.adoptNode(now));
      if (Number(now.dataset.open) === 0) return; // what can be done about it is another thing now
    } catch (error) {
      said.textContent = `Not up to date: ${error.message}. Reload the page to see how it stands.`;
    }
  }
  setTimeout(look, Number(live.dataset.every));
}

const first = document.getElementById("live");
if (first !== null) setTimeout(look, Number(first.dataset.every));
