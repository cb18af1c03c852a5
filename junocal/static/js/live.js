// What panels that refresh themselves need: a quiet word when they can't, the sign-in page when the
// session has ended, progress said aloud at quarters, and copying.

const stale = () => document.querySelector("[data-stale]");

document.addEventListener("htmx:sendError", () => (stale().hidden = false));
document.addEventListener("htmx:responseError", () => (stale().hidden = false));

document.addEventListener("htmx:beforeSwap", (event) => {
  const answered = new URL(event.detail.xhr.responseURL, location.href).pathname;
  if (answered !== document.body.dataset.signIn) return;
  event.detail.shouldSwap = false;
  location.reload();
});

let quarterSaid = null;

const sayQuarter = () => {
  const progress = document.querySelector("[data-progress]");
  if (!progress) return;
  const { progress: done, progressTotal: total, progressWhat: what } = progress.dataset;
  const quarter = Math.floor((4 * done) / Math.max(total, 1));
  if (quarterSaid !== null && quarter !== quarterSaid) {
    document.querySelector("[data-announcer]").textContent = `${done} of ${total} ${what}`;
  }
  quarterSaid = quarter;
};

document.addEventListener("htmx:afterSettle", () => {
  stale().hidden = true;
  sayQuarter();
});
sayQuarter();

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.querySelector(button.dataset.copy).textContent.trim());
  document.querySelector("[data-announcer]").textContent = "Copied";
  button.dataset.copied = "";
});
for (const button of document.querySelectorAll("[data-copy]")) button.hidden = !navigator.clipboard;
