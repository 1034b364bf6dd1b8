// Comfort for the try-it page, which works without: photos dropped anywhere on the form, progress, copying.

const form = document.getElementById("try");
const photo = document.getElementById("photo");

form.addEventListener("dragover", (event) => {
  event.preventDefault();
  form.classList.add("dropping");
});
form.addEventListener("dragleave", () => form.classList.remove("dropping"));
form.addEventListener("drop", (event) => {
  event.preventDefault();
  form.classList.remove("dropping");
  if (event.dataTransfer.files.length > 0) photo.files = event.dataTransfer.files;
});
form.addEventListener("submit", () => {
  const button = form.querySelector("button");
  button.textContent = "Calling …";
  form.setAttribute("aria-busy", "true");
});
for (const button of document.querySelectorAll(".copy")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).textContent);
    button.textContent = "Copied";
  });
}
