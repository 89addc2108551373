// What was asked, kept by this browser: shown, exported, imported and asked again.

import { button, byId, complain, element, gist, short } from "./dom.js";
import { sound, writeForm } from "./form.js";

const KEY = "openflan.history";
const MOST = 200;
const LARGEST_FILE = 20_000_000;
let entries = [];
let again = async () => {};

export function loadHistory(askAgain) {
  again = askAgain;
  try {
    entries = JSON.parse(localStorage.getItem(KEY) ?? "[]").filter(good);
  } catch {
    entries = [];
  }
  byId("export").addEventListener("click", save);
  byId("import").addEventListener("change", load);
  byId("clear").addEventListener("click", () => keep([]));
  byId("replay-all").addEventListener("click", () => again(entries.toReversed()));
  draw();
}

export function remember(state, answers) {
  keep([{ time: new Date().toISOString(), state, answers }, ...entries]);
}

const good = (entry) => sound(entry?.state) && typeof entry.answers === "object" && entry.answers !== null;

function keep(all) {
  entries = all.slice(0, MOST);
  // What the browser has no room for is dropped, the oldest first.
  for (let kept = entries.length; ; kept = Math.floor(kept / 2)) {
    try {
      localStorage.setItem(KEY, JSON.stringify(entries.slice(0, kept)));
      break;
    } catch {
      if (kept === 0) break;
    }
  }
  draw();
}

function save() {
  const text = entries.toReversed().map((entry) => JSON.stringify(entry) + "\n").join("");
  const link = element("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/x-ndjson" }));
  link.download = "openflan-history.jsonl";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

async function load() {
  const [file] = byId("import").files;
  byId("import").value = "";
  if (!file) return;
  try {
    if (file.size > LARGEST_FILE) throw new Error("too large");
    const read = (await file.text()).split("\n").filter((line) => line.trim()).map((line) => JSON.parse(line));
    if (!read.every(good)) throw new Error("not a history");
    keep([...read.toReversed(), ...entries]);
    complain("");
  } catch {
    complain(`${file.name} is no history that was exported here.`);
  }
}

function draw() {
  const none = element("li", "dim", "Nothing yet.");
  byId("history-list").replaceChildren(...(entries.length ? entries.map(card) : [none]));
}

function card(entry) {
  const open = button(gist(entry.state.instruction), () => writeForm(entry.state), "open");
  const time = element("time", "dim", new Date(entry.time).toLocaleString());
  time.dateTime = entry.time;
  const said = Object.entries(entry.answers).map(([model, one]) => element("p", "dim", `${model}: ${short(String(one?.texts?.[0] ?? ""), 60)}`));
  return element("li", "", "", open, ...said, element("p", "", "", time, button("Replay", () => again([entry]), "small")));
}
