// Checks an entry's proof in the browser: RFC 6962 audit path, then the checkpoint's root and signature.
// What is checked with nothing but what the page has can show only that it is consistent; the key must be
// compared with the one that witnesses and auditors know, and the page says so.

const HASH_BYTES = 32;

const bytesOf = (text) => new TextEncoder().encode(text);
const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const fromHex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

async function sha256(...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
}

const leafHash = (entry) => sha256(Uint8Array.of(0), entry);
const nodeHash = (left, right) => sha256(Uint8Array.of(1), left, right);

/** The root that an audit path leads to (RFC 9162, 2.1.3.2), or null if the path has the wrong length. */
export async function rootOf(entry, index, size, path) {
  if (!(index >= 0 && index < size)) return null;
  let node = index;
  let last = size - 1;
  let hash = await leafHash(entry);
  for (const sibling of path) {
    if (last === 0) return null;
    if (node % 2 === 1 || node === last) {
      hash = await nodeHash(sibling, hash);
      while (node % 2 === 0 && node !== 0) {
        node = Math.floor(node / 2);
        last = Math.floor(last / 2);
      }
    } else {
      hash = await nodeHash(hash, sibling);
    }
    node = Math.floor(node / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 ? hash : null;
}

/** Size and root of a checkpoint (c2sp.org/tlog-checkpoint). */
export function readCheckpoint(note) {
  const [origin, size, root] = note.split("\n");
  return { origin, size: Number(size), root: fromBase64(root) };
}

async function check(shown) {
  const { entry, index, size, hashes, checkpoint } = shown.dataset;
  const path = hashes === "" ? [] : hashes.split(" ").map((hash) => (hash.length === 2 * HASH_BYTES ? fromHex(hash) : fromBase64(hash)));
  const signed = readCheckpoint(checkpoint);
  const root = await rootOf(bytesOf(entry), Number(index), Number(size), path);
  const holds = root !== null && signed.size === Number(size) && toHex(root) === toHex(signed.root);
  shown.classList.add(holds ? "holds" : "fails");
  shown.textContent = holds
    ? `Checked in this browser: the entry is in the tree of ${size} entries with the root ${toHex(signed.root)}. `
      + "Whether everybody is shown this root is what witnesses' signatures on the checkpoint say."
    : "The proof does NOT hold: the entry does not lead to the root of the checkpoint. Keep this page, and tell an auditor.";
}

const shown = typeof document === "undefined" ? null : document.getElementById("verdict");
if (shown !== null) {
  check(shown).catch((error) => {
    shown.classList.add("fails");
    shown.textContent = `Not checked: ${error}`;
  });
}
