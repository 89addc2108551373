// The template workshop: a dataset's templates, seen on rows and checked while they are written.

import { get, post } from "./api.js";
import { byId, complain, element, fill, short } from "./dom.js";

const WAIT = 300;
const ROWS = 3;
let dataset = "";
let templates = [];
let chosen = 0;
let start = 0;
let timer = 0;
let asked = new AbortController();
let seen = [];
let replace = false;
let asking = async () => {};

export function loadWorkshop(askModels) {
  asking = askModels;
  byId("w-dataset").addEventListener("change", () => open(byId("w-dataset").value));
  byId("w-template").addEventListener("change", () => choose(Number(byId("w-template").value)));
  for (const id of ["w-input", "w-bare", "w-target", "w-inverted"]) byId(id).addEventListener("input", edited);
  byId("w-new").addEventListener("click", add);
  byId("w-delete").addEventListener("click", remove);
  byId("w-save").addEventListener("click", save);
  byId("w-try").addEventListener("click", tryOut);
  byId("w-previous").addEventListener("click", () => walk(-ROWS));
  byId("w-next").addEventListener("click", () => walk(ROWS));
  byId("workshop-form").addEventListener("submit", (event) => event.preventDefault());
}

export async function openWorkshop(datasets) {
  if (dataset) return;
  fill(byId("w-dataset"), datasets.map((one) => [one, one]));
  await open(datasets[0]);
}

async function open(name) {
  try {
    const found = await get("/api/templates", { dataset: name });
    dataset = name;
    templates = found.templates;
    start = 0;
    byId("w-fields").textContent = `Fields: ${found.fields.join(", ")}; answer, options, and options_ for the list of options`;
    byId("w-saved").textContent = `Saved as ${found.path}`.replace("Saved as", "Will be saved as");
    choose(0);
  } catch (error) {
    complain(error.message);
  }
}

function list() {
  const title = (one, number) => `${number}${one.inverted ? " (inverted)" : ""}: ${short(one.input, 60)}`;
  fill(byId("w-template"), templates.map((one, number) => [number, title(one, number)]));
  byId("w-template").value = chosen;
  byId("w-delete").disabled = templates.length === 1;
}

function choose(number) {
  chosen = number;
  const one = templates[chosen];
  byId("w-input").value = one.input;
  byId("w-bare").value = one.bare ?? "";
  byId("w-target").value = one.target;
  byId("w-inverted").checked = one.inverted;
  list();
  attempt();
}

function edited() {
  templates[chosen] = {
    input: byId("w-input").value,
    bare: byId("w-bare").value || null,
    target: byId("w-target").value,
    inverted: byId("w-inverted").checked,
  };
  replace = false;
  clearTimeout(timer);
  timer = setTimeout(() => {
    list();
    attempt();
  }, WAIT);
}

function add() {
  templates.push({ ...templates[chosen], input: "{{ options_ }}", bare: null, inverted: false, target: "{{ answer }}" });
  choose(templates.length - 1);
  byId("w-input").focus();
}

function remove() {
  templates.splice(chosen, 1);
  choose(Math.max(0, chosen - 1));
}

function walk(step) {
  start = Math.max(0, start + step);
  attempt();
}

const request = () => ({ dataset, templates, chosen, start, count: ROWS });

async function attempt() {
  asked.abort();
  asked = new AbortController();
  const { signal } = asked;
  byId("w-prompts").setAttribute("aria-busy", "true");
  try {
    const found = await post("/api/workshop", request(), signal);
    if (found.error) throw new Error(found.error);
    show(found);
  } catch (error) {
    if (error.name === "AbortError") return;
    byId("w-findings").replaceChildren(element("li", "error", error.message));
    byId("w-prompts").replaceChildren();
  }
  byId("w-prompts").setAttribute("aria-busy", "false");
}

function show(found) {
  seen = found.prompts;
  byId("w-place").textContent = seen.length ? `rows ${seen[0].place + 1} to ${seen.at(-1).place + 1} of ${found.rows}` : "";
  byId("w-prompts").replaceChildren(...seen.map(prompt));
  const own = found.findings.filter((one) => one.template === chosen);
  const others = found.findings.filter((one) => one.template !== chosen);
  const none = element("li", "right", "Nothing to mend.");
  byId("w-findings").replaceChildren(...(found.findings.length ? [...own, ...others].map(finding) : [none]));
}

function finding(one) {
  const where = one.template === null ? "the card" : one.template === chosen ? "this template" : `template ${one.template}`;
  return element("li", one.template === chosen ? "own" : "", "", element("b", "", `${one.code} `), `${where}: ${one.message} (${one.meaning})`);
}

function prompt(one) {
  const fields = element("dl", "fields-shown");
  for (const [name, value] of Object.entries(one.fields)) fields.append(element("dt", "", name), element("dd", "", short(value, 400)));
  const place = element("article", "prompt-card", "", element("h3", "", `Row ${one.place + 1}`));
  if (one.skipped) place.append(element("p", "error", `Not usable: ${one.skipped}`));
  else {
    place.append(element("pre", "", one.input), element("p", "target", "▶ ", element("mark", "", one.target)));
    if (one.bare !== one.input) place.append(element("details", "", "", element("summary", "", "Without the list of options"), element("pre", "", one.bare)));
  }
  place.append(element("details", "", "", element("summary", "", "Fields"), fields));
  return place;
}

async function save() {
  try {
    const done = await post("/api/workshop/save", { ...request(), replace });
    replace = true;
    complain("");
    byId("w-saved").textContent = `Saved: ${done.path}. Use it with --cards, or as data.cards of a recipe.`;
  } catch (error) {
    replace = error.message.includes("is there already");
    byId("w-saved").textContent = error.message;
  }
}

function tryOut() {
  const usable = seen.find((one) => !one.skipped);
  if (!usable) return complain("No row can be put by this template.");
  return asking({
    instruction: usable.bare, options: usable.options, references: usable.references, from: `Workshop: ${dataset}, template ${chosen}, row ${usable.place + 1}`,
  });
}
