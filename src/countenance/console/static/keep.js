// What somebody has typed survives a reload and a sign-in that ran out: in this tab alone, for this operator alone,
// until it was taken or they sign out. Passwords, codes, files and hidden fields are never kept.

const who = document.querySelector("form.out p").textContent;
const prefix = "draft ";
const SENT = "draft sent";
const kinds = new Set(["text", "search", "number", "date", "datetime-local", "checkbox", "radio", "select-one", "textarea"]);

// "sure" is said anew each time: what cannot be undone is not to be ticked beforehand.
const fields = (form) => [...form.elements].filter((each) => each.name && each.name !== "sure" && !("secret" in each.dataset) && kinds.has(each.type));
const named = (field) => (field.type === "checkbox" || field.type === "radio" ? `${field.name}=${field.value}` : field.name);

function key(form) {
  const hidden = [...form.elements].filter((each) => each.type === "hidden" && !each.name.startsWith("form_"));
  const told = hidden.map((each) => `${each.name}=${each.value}`);
  return prefix + JSON.stringify([who, location.pathname, ...told, ...fields(form).map(named)]);
}

const read = (field) => (field.type === "checkbox" || field.type === "radio" ? field.checked : field.value);

function write(field, value) {
  if (typeof value === "boolean") field.checked = value;
  else field.value = value;
}

// Only a page that says so took the form that was sent: with a session that had ended meanwhile, the answer to a form
// is the page to sign in, and what was typed waits here until its page is opened again.
const sent = sessionStorage.getItem(SENT);
if (sent !== null) {
  if (document.querySelector("main").hasAttribute("data-taken")) sessionStorage.removeItem(sent);
  sessionStorage.removeItem(SENT);
}

for (const form of document.querySelectorAll("main form[method=post]:not([data-draft], [data-passkey])")) {
  const name = key(form);
  const kept = JSON.parse(sessionStorage.getItem(name) ?? "null");
  if (kept !== null) {
    fields(form).forEach((field, place) => write(field, kept[place]));
    const hiding = form.closest("details");
    if (hiding !== null) hiding.open = true;
  }
  form.addEventListener("input", () => sessionStorage.setItem(name, JSON.stringify(fields(form).map(read))));
  form.addEventListener("submit", () => sessionStorage.setItem(SENT, name));
}

document.querySelector("form.out").addEventListener("submit", () => sessionStorage.clear());
