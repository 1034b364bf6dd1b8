// Checks an entry's proof in the browser: RFC 6962 audit path to the checkpoint's root, and the log's signature on it.
// The key is the reader's own, if they have given one; else the one that the server shows, which shows only that
// the server agrees with itself, and the page says so.

import { bytesOf, fromBase64, isSignedBy, NoEd25519, readKey, sha256, toHex } from "./note.js";

const HASH_BYTES = 32;
const OWN_KEY = "countenance log key";

const fromHex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));

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

async function leadsToItsRoot({ entry, index, size, hashes, checkpoint }) {
  const path = hashes === "" ? [] : hashes.split(" ").map((hash) => (hash.length === 2 * HASH_BYTES ? fromHex(hash) : fromBase64(hash)));
  const signed = readCheckpoint(checkpoint);
  const root = await rootOf(bytesOf(entry), Number(index), Number(size), path);
  return root !== null && signed.size === Number(size) && toHex(root) === toHex(signed.root);
}

/** What is to be said of a proof, and whether it is good (true), bad (false) or neither (null). */
async function judge(proof, ownKey) {
  if (!(await leadsToItsRoot(proof))) {
    return [false, "The proof does NOT hold: the entry does not lead to the root of the checkpoint. Keep this page, and tell an auditor."];
  }
  const root = toHex(readCheckpoint(proof.checkpoint).root);
  const leads = `The entry is in the tree of ${proof.size} entries with the root ${root}`;
  const text = ownKey || proof.logKey;
  if (text === "") return [null, `${leads}, as this browser computed. The signature was NOT checked: no key of the log is known here. Paste it below.`];
  try {
    const key = await readKey(text);
    if (readCheckpoint(proof.checkpoint).origin !== key.name || !(await isSignedBy(proof.checkpoint, key))) {
      const whose = ownKey ? "that you gave" : "that this server shows";
      return [false, `The checkpoint is NOT signed by the key ${whose} (${key.name}+${key.hash}): nothing here is proved. Keep this page, and tell an auditor.`];
    }
    return ownKey
      ? [true, `Checked in this browser: ${leads[0].toLowerCase()}${leads.slice(1)}, and the log's key that you gave signed it.`]
      : [true, `Checked in this browser: ${leads[0].toLowerCase()}${leads.slice(1)}, and the key that this server shows signed it. `
          + "A server that lies could show another key: compare it with the one that you were given, or paste yours below."];
  } catch (error) {
    if (!(error instanceof NoEd25519)) throw error;
    return [null, `${leads}, as this browser computed. The signature was NOT checked: this browser has no Ed25519. `
      + "`countenance audit verify` checks it."];
  }
}

async function show(shown, ownKey) {
  shown.classList.remove("holds", "fails");
  let good, told;
  try {
    [good, told] = await judge(shown.dataset, ownKey);
  } catch (error) {
    [good, told] = [false, `Not checked: ${error.message}`];
  }
  if (good !== null) shown.classList.add(good ? "holds" : "fails");
  shown.textContent = told;
}

const shown = typeof document === "undefined" ? null : document.getElementById("verdict");
if (shown !== null) {
  const field = document.getElementById("own-key");
  field.value = localStorage.getItem(OWN_KEY) ?? "";
  field.addEventListener("change", () => {
    const own = field.value.trim();
    if (own === "") localStorage.removeItem(OWN_KEY);
    else localStorage.setItem(OWN_KEY, own);
    show(shown, own);
  });
  document.getElementById("own").hidden = false;
  show(shown, field.value.trim());
}
