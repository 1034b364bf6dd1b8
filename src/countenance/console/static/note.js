// Signed notes (c2sp.org/signed-note) in the browser: whether the holder of a verifier key signed a checkpoint.

const ED25519 = 1;
const KEY_HASH_BYTES = 4;
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

export const bytesOf = (text) => new TextEncoder().encode(text);
export const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
export const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", joined(...parts)));

/** This browser cannot check Ed25519 signatures: nothing is said of any. */
export class NoEd25519 extends Error {}

/** A verifier key, NAME+HASH+KEY; throws an Error that says what is wrong with any other text. */
export async function readKey(vkey) {
  const [, name, hash, encoded] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/.exec(vkey) ?? [];
  if (name === undefined) throw new Error("a verifier key is NAME+HASH+KEY");
  const material = fromBase64(encoded);
  if (material[0] !== ED25519 || material.length !== 1 + KEY_BYTES) throw new Error("it is no Ed25519 key of a log");
  const computed = toHex((await sha256(bytesOf(`${name}\n`), material)).slice(0, KEY_HASH_BYTES));
  if (computed !== hash) throw new Error("the hash in the key is not that key's: was all of it copied?");
  return { name, hash, bytes: material.slice(1) };
}

/** Whether a note has a signature of the key, and every one that says to be its own holds. Throws NoEd25519. */
export async function isSignedBy(note, key) {
  const end = note.lastIndexOf("\n\n");
  if (end < 0) return false;
  const text = bytesOf(note.slice(0, end + 1));
  const own = note.slice(end + 2).split("\n").map((line) => line.split(" "))
    .filter(([dash, name]) => dash === "\u2014" && name === key.name)
    .map(([, , encoded]) => fromBase64(encoded))
    .filter((value) => toHex(value.slice(0, KEY_HASH_BYTES)) === key.hash);
  const checked = await imported(key.bytes);
  for (const value of own) {
    const signature = value.slice(KEY_HASH_BYTES);
    if (signature.length !== SIGNATURE_BYTES) return false;
    if (!(await crypto.subtle.verify("Ed25519", checked, signature, text))) return false;
  }
  return own.length > 0;
}

async function imported(bytes) {
  try {
    return await crypto.subtle.importKey("raw", bytes, "Ed25519", false, ["verify"]);
  } catch (error) {
    if (error.name === "NotSupportedError") throw new NoEd25519();
    throw error;
  }
}
