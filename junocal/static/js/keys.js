// Keys for people who work in the list all day. An element takes a key by data-key="n"; j, k and the
// arrows walk through the links marked data-row, x ticks the row one is at, e edits its client, and
// ? shows all of it. Nothing happens while somebody types in a field.

const isTyping = (target) =>
  target.closest("textarea, select, [contenteditable], input:not([type=checkbox])") !== null;

const press = (element) => (element.matches("input") ? element.select() : element.click());

const rows = () => [...document.querySelectorAll("[data-row]")];

const rowAt = (target) => target.closest("tr")?.querySelector("[data-row]");

const step = (event, isDown) => {
  const links = rows();
  const from = links.indexOf(rowAt(document.activeElement));
  const to = from === -1 ? links[0] : links[isDown ? from + 1 : from - 1];
  if (!to) return;
  event.preventDefault();
  to.focus();
};

const walk = (event) => {
  const isIn = rowAt(document.activeElement) || event.target.matches("[data-key='/']");
  if (isIn) step(event, event.key === "ArrowDown");
};

// Enter leads from the search to the first client found, Esc just out of it.
const leaveSearch = ({ key, target }) => {
  if (key === "Escape") target.blur();
  if (key !== "Enter") return;
  const first = () => rows()[0]?.focus();
  document.addEventListener("htmx:afterSettle", first, { once: true });
};

const onRow = {
  j: (event) => step(event, true),
  k: (event) => step(event, false),
  x: (event) => rowAt(event.target)?.closest("tr").querySelector("[type=checkbox]")?.click(),
  e: (event) => {
    const link = rowAt(event.target);
    if (link) location.assign(link.href.replace(/\/(\?|$)/, "/edit/$1"));
  },
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") return walk(event);
  if (event.target.matches("[data-key='/']")) leaveSearch(event);
  if (event.key === "Escape") return closeMenus();
  if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
  if (event.key === "?") return document.querySelector("[data-keys]")?.showModal();
  const element = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!element) return onRow[event.key]?.(event);
  event.preventDefault();
  element.focus();
  press(element);
});

const closeMenus = (except) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu === except) continue;
    if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    menu.open = false;
  }
};

document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
