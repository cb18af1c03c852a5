// A row of the list opens its client wherever it is clicked: its link does, and a key held down
// means what it means on a link. Who marks a text to copy it opens nothing.

document.addEventListener("click", (event) => {
  const row = event.target.closest("tr:has([data-row])");
  if (!row || event.target.closest("a, button, input, label, summary")) return;
  if (!getSelection().isCollapsed) return;
  const link = row.querySelector("[data-row]");
  if (event.ctrlKey || event.metaKey) window.open(link.href, "_blank", "noopener");
  else link.click();
});

// How many are ticked, beside what can be done to them.
const tellTicked = () => {
  const count = document.querySelector("[data-ticked]");
  if (!count) return;
  const all = document.querySelector(".many [name=all]").checked;
  const ticked = document.querySelectorAll(".clients [name=client]:checked").length;
  count.textContent = all || !ticked ? "" : `${ticked} selected`;
};

document.addEventListener("change", tellTicked);
addEventListener("pageshow", tellTicked);
