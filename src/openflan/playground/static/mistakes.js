// The prompts that a run's models got wrong.

import { get } from "./api.js";
import { button, byId, complain, element, fill, gist, short } from "./dom.js";
import { writeInstruction } from "./form.js";

let start = 0;
let page = 20;

export async function loadMistakes(evaluations) {
  byId("tab-mistakes").hidden = evaluations.length === 0;
  if (!evaluations.length) return;
  fill(byId("evaluation"), evaluations.map((one) => [one, one]));
  byId("evaluation").addEventListener("change", () => list(0, true));
  byId("wrong-dataset").addEventListener("change", () => list(0));
  byId("wrong-back").addEventListener("click", () => list(Math.max(0, start - page)));
  byId("wrong-on").addEventListener("click", () => list(start + page));
  await list(0, true);
}

async function list(from, anew = false) {
  try {
    const dataset = anew ? "" : byId("wrong-dataset").value;
    const found = await get("/api/wrong", { evaluation: byId("evaluation").value, dataset, start: from });
    start = found.start;
    page = found.page;
    if (anew) fill(byId("wrong-dataset"), [["", "all"], ...found.datasets.map((one) => [one, one])]);
    const end = start + found.prompts.length;
    byId("wrong-count").textContent = found.total ? `${start + 1} to ${end} of ${found.total}` : "None.";
    byId("wrong-back").disabled = start === 0;
    byId("wrong-on").disabled = end >= found.total;
    byId("wrong-list").replaceChildren(...found.prompts.map(card));
  } catch (error) {
    complain(error.message);
  }
}

function card(prompt) {
  const open = button(gist(prompt.instruction), () => put(prompt), "open");
  const told = `${prompt.dataset}, template ${prompt.template}, ${prompt.setting}: said “${short(prompt.said, 40)}”, right is “${short(prompt.target, 40)}”`;
  return element("li", "", "", open, element("p", "dim", told));
}

function put(prompt) {
  const { instruction, options, references, block } = prompt;
  const from = `Mistake: ${prompt.dataset}, template ${prompt.template}, ${prompt.setting}`;
  writeInstruction({ instruction, options, references, block, from });
  byId("instruction").focus();
}
