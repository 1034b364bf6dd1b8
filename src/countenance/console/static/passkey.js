// Passkeys: asks the browser for one when a form of ours wants it, and sends what it says with the form.
// Without this script, or in a browser without passkeys, the other ways to sign in are there as before.

const UNSAID = "This browser has no passkeys, or keeps them from this page. Use another way.";
const SAID = {
  NotAllowedError: "Nothing was sent: it was cancelled, or took too long. Press the button to try again, or use another way.",
  InvalidStateError: "This device or browser has a passkey of yours already: it is in the list.",
  SecurityError: "The browser makes no passkeys for this address. Open the console by the name that it was set up with.",
  NotSupportedError: "This device cannot keep a passkey that asks who is there (fingerprint, face or PIN). Use another one.",
  ConstraintError: "This device cannot keep a passkey that asks who is there (fingerprint, face or PIN). Use another one.",
  AbortError: "It was interrupted. Press the button to try again.",
};

const bytes = (text) => {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
};
const text = (buffer) => {
  const plain = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
};

function asked(told) {
  const options = { ...told, challenge: bytes(told.challenge) };
  if (told.user) options.user = { ...told.user, id: bytes(told.user.id) };
  for (const list of ["excludeCredentials", "allowCredentials"]) {
    if (told[list]) options[list] = told[list].map((each) => ({ ...each, id: bytes(each.id) }));
  }
  return { publicKey: options };
}

function answered(found) {
  const response = {};
  for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (found.response[part]) response[part] = text(found.response[part]);
  }
  return JSON.stringify({ id: found.id, rawId: text(found.rawId), type: found.type, response });
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const button = form.querySelector("button");
  const says = form.querySelector("[role=status]");
  const began = performance.now();
  if (!window.PublicKeyCredential) {
    says.textContent = UNSAID;
    continue;
  }
  form.classList.add("ready");
  button.disabled = false;
  form.addEventListener("submit", async (event) => {
    if (form.elements.credential.value) return;
    // over: what the server says to an empty answer, and a new question, come with the page
    if (performance.now() - began > Number(form.dataset.lasts)) return;
    event.preventDefault();
    button.disabled = true;
    says.textContent = "Waiting for your passkey …";
    try {
      const options = asked(JSON.parse(form.dataset.options));
      const way = form.dataset.passkey === "create" ? "create" : "get";
      form.elements.credential.value = answered(await navigator.credentials[way](options));
      says.textContent = "";
      form.requestSubmit();
    } catch (error) {
      says.textContent = SAID[error.name] ?? `It did not work (${error.name}). Try again, or use another way.`;
      button.disabled = false;
      button.focus();
    }
  });
}
