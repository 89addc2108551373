// Instructions from the catalog: cluster, dataset, template, row. Rows can be walked, and what is right is counted.

import { get } from "./api.js";
import { byId, complain, fill } from "./dom.js";
import { writeInstruction } from "./form.js";

let clusters = [];
let place = -1;
let newest = 0;
let counts = {};
let asking = () => {};

const datasets = () => clusters.find((one) => one.name === byId("cluster").value).datasets;
const chosen = () => datasets().find((one) => one.name === byId("dataset").value);

export const allDatasets = () => clusters.flatMap((cluster) => cluster.datasets.map((one) => one.name));

export async function loadCatalog(askNow) {
  asking = askNow;
  clusters = await get("/api/catalog");
  fill(byId("cluster"), clusters.map((one) => [one.name, one.title]));
  byId("cluster").addEventListener("change", showDatasets);
  byId("dataset").addEventListener("change", showTemplates);
  byId("template").addEventListener("change", restart);
  byId("previous-row").addEventListener("click", () => walk(-1));
  byId("next-row").addEventListener("click", () => walk(1));
  listDatasets();
  listTemplates();
}

function listDatasets() {
  fill(byId("dataset"), datasets().map((one) => [one.name, `${one.name} – ${one.title}`]));
}

function listTemplates() {
  const title = (one) => `${one.number}${one.inverted ? " (inverted)" : ""}: ${one.text.replace(/\s+/g, " ").slice(0, 70)}`;
  fill(byId("template"), chosen().templates.map((one) => [one.number, title(one)]));
}

function showDatasets() {
  listDatasets();
  showTemplates();
}

function showTemplates() {
  listTemplates();
  restart();
}

function restart() {
  place = 0;
  counts = {};
  byId("tally").textContent = "";
  return show();
}

export function walk(step) {
  place = Math.max(0, place + step);
  return show();
}

/** Put the row into the form, and ask at once where that is wanted. */
async function show() {
  const number = ++newest;
  const setting = byId("block").checked ? "options" : "bare";
  const query = { dataset: chosen().name, template: byId("template").value, row: place, setting };
  try {
    const found = await get("/api/row", query);
    if (number !== newest) return;
    place = found.place;
    byId("place").textContent = `row ${found.place + 1} of ${found.rows}`;
    const from = `${found.dataset}, template ${found.template}, row ${found.place + 1}`;
    const { instruction, options, references } = found;
    writeInstruction({ instruction, options, references, from });
    complain("");
    if (byId("ask-at-once").checked) await asking();
  } catch (error) {
    complain(error.message);
  }
}

/** Count the answers to a row of the chosen template. */
export function tally(state, answers) {
  if (!state.from.startsWith(`${chosen()?.name}, template ${byId("template").value},`) || !state.references.length) return;
  for (const answer of Object.values(answers)) {
    const one = (counts[answer.model] ??= { written: new Set(), ranked: new Set(), asked: new Set() });
    one.asked.add(state.from);
    if (answer.rights[0]) one.written.add(state.from);
    if (state.references.includes(state.block ? answer.block : answer.bare)) one.ranked.add(state.from);
  }
  const told = Object.entries(counts).map(([model, one]) => {
    const ranked = state.options.length ? `${one.ranked.size} ranked right, ` : "";
    return `${model}: of ${one.asked.size}, ${ranked}${one.written.size} written right`;
  });
  byId("tally").textContent = told.join("; ");
}
