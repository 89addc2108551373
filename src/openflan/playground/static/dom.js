// Small things that every part of the page uses. Every text may be a stranger's: it is set as text, never as markup.

export const byId = (id) => document.getElementById(id);

export function element(tag, className = "", text = "", ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== "") made.textContent = text;
  made.append(...children);
  return made;
}

export function button(text, action, className = "") {
  const made = element("button", className, text);
  made.type = "button";
  made.addEventListener("click", action);
  return made;
}

export function fill(select, choices) {
  select.replaceChildren(
    ...choices.map(([value, text]) => {
      const option = element("option", "", text);
      option.value = value;
      return option;
    }),
  );
}

export const lines = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);

export const short = (text, length = 110) => {
  const flat = text.replace(/\s+/g, " ").trim();
  return flat.length > length ? flat.slice(0, length - 1) + "…" : flat;
};

/** The beginning and the end of a text: a question often stands last. */
export function gist(text) {
  const flat = text.replace(/\s+/g, " ").trim();
  return flat.length > 120 ? `${flat.slice(0, 50).trimEnd()} … ${flat.slice(-60).trimStart()}` : flat;
}

/** Say something to those who listen rather than look. */
export function say(text) {
  byId("status").textContent = text;
}

/** Show what went wrong; an empty text takes it away. */
export function complain(text) {
  const place = byId("problem");
  place.hidden = !text;
  place.textContent = text;
}

/** Tabs that arrow keys move between; `shown(id of the panel)` is told of every change. */
export function makeTabs(list, shown = () => {}) {
  const tabs = [...list.querySelectorAll("[role=tab]")];
  const select = (chosen, focus = false) => {
    for (const tab of tabs) {
      const selected = tab === chosen;
      tab.setAttribute("aria-selected", String(selected));
      tab.tabIndex = selected ? 0 : -1;
      byId(tab.getAttribute("aria-controls")).hidden = !selected;
    }
    if (focus) chosen.focus();
    shown(chosen.getAttribute("aria-controls"));
  };
  for (const tab of tabs) {
    tab.type = "button";
    tab.addEventListener("click", () => select(tab));
    tab.addEventListener("keydown", (event) => {
      const open = tabs.filter((one) => !one.hidden);
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      select(open[(open.indexOf(tab) + step + open.length) % open.length], true);
    });
  }
  return (panel) => select(tabs.find((tab) => tab.getAttribute("aria-controls") === panel));
}
