// Keys for people who add clients all day. An element takes a key by data-key="n"; arrows walk
// through the links marked data-row. Nothing happens while somebody types in a field.

const isTyping = (target) => target.closest("input, textarea, select, [contenteditable]") !== null;

const press = (element) => (element.matches("input") ? element.select() : element.click());

const step = (event) => {
  const rows = [...document.querySelectorAll("[data-row]")];
  const from = rows.indexOf(document.activeElement);
  const isFromSearch = event.target.matches("[data-key='/']");
  if (rows.length === 0 || (from === -1 && !isFromSearch)) return;
  const to = event.key === "ArrowDown" ? rows[from + 1] : rows[from - 1];
  if (!to) return;
  event.preventDefault();
  to.focus();
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") return step(event);
  if (event.key === "Escape") return closeMenus();
  if (isTyping(event.target)) return;
  const element = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!element) return;
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
