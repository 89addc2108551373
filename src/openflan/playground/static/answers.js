// Asking: what every model writes and how it ranks the options, side by side, as it comes.

import { get, post, stream } from "./api.js";
import { byId, element, gist, say, short } from "./dom.js";
import { ranking } from "./bars.js";

const MOST_SHOWN = 20;
let running = new AbortController();
let busy = 0;
export let models = [];

export async function loadModels() {
  const found = await get("/api/models");
  models = found.models;
  const described = (one) => `${one.name}${one.role ? ` (${one.role})` : ""}`;
  byId("models").textContent = models.map(described).join(" · ");
  return found;
}

/** Stop all that is being written, and whatever was to be asked after it. */
export function stopAll() {
  running.abort();
  running = new AbortController();
}

export const stopSignal = () => running.signal;

function count(change) {
  busy += change;
  byId("stop").disabled = busy === 0;
}

/** Ask every model; the answers by model, and whether all of them were finished. `before` is an earlier run's answers. */
export async function ask(state, before = null) {
  const signal = running.signal;
  const run = element("section", "run");
  const title = element("h2", "", gist(state.instruction));
  run.append(title);
  if (state.from) run.append(element("p", "dim", state.from));
  const side = element("div", "side");
  run.append(side);
  run.setAttribute("aria-busy", "true");
  byId("runs").prepend(run);
  while (byId("runs").childElementCount > MOST_SHOWN) byId("runs").lastElementChild.remove();
  count(1);
  try {
    const asked = models.map((model, number) => askOne(model, number, state, signal, side, before?.[model.name]));
    const answers = await Promise.all(asked);
    return { answers: Object.fromEntries(answers.map((one) => [one.model, one])), whole: answers.every((one) => one.whole) };
  } finally {
    run.setAttribute("aria-busy", "false");
    count(-1);
  }
}

async function askOne(model, number, state, signal, side, before) {
  const place = element("article", `answer m${number % 8}`);
  const how = [model.role, `asked in the format ${model.join}`].filter(Boolean).join(", ");
  const written = element("div", "written");
  const ranked = element("div", "ranked");
  place.append(element("h3", "", model.name, element("small", "", how)), written, ranked, promptOf(model, state));
  side.append(place);
  const answer = { model: model.name, texts: [], rights: [], whole: true };
  try {
    await Promise.all([write(model, state, signal, written, answer), rank(model, state, signal, ranked, answer)]);
    if (before) written.append(compared(before, answer));
    say(`${model.name}: ${short(answer.texts[0] ?? "")}`);
  } catch (error) {
    answer.whole = false;
    const stopped = error.name === "AbortError";
    written.append(element("p", stopped ? "dim" : "error", stopped ? "Stopped." : error.message));
    say(`${model.name}: ${stopped ? "stopped" : error.message}`);
  }
  return answer;
}

const asked = (model, state) => ({
  model: model.name, instruction: state.instruction, options: state.options,
});

async function write(model, state, signal, place, answer) {
  const { block, max_tokens, temperature, top_p, seed, samples, stop, references } = state;
  const body = { ...asked(model, state), block, max_tokens, temperature, top_p, seed, samples, stop, references };
  let growing = null;
  const begin = () => {
    growing = element("p", "text");
    place.append(growing);
  };
  begin();
  growing.classList.add("waiting");
  for await (const event of stream("/api/generate", body, signal)) {
    if (event.event === "error") throw new Error(event.message);
    if (growing === null) begin();
    growing.classList.remove("waiting");
    if (event.event === "text") growing.append(event.text);
    if (event.event === "end") {
      growing.textContent = event.text || "(nothing)";
      place.append(element("p", "meta", "", mark(event.right), about(event)));
      answer.texts.push(event.text);
      answer.rights.push(event.right);
      growing = null;
    }
  }
}

async function rank(model, state, signal, place, answer) {
  if (!state.options.length) return;
  const found = await post("/api/rank", asked(model, state), signal);
  answer.block = found.block.choice;
  answer.bare = found.bare.choice;
  place.append(
    ranking("Ranked, with the list of options", found.block, state.references),
    ranking("Ranked, without it", found.bare, state.references),
  );
}

function mark(right) {
  if (right === null || right === undefined) return "";
  return element("b", right ? "right" : "wrong", right ? "✓ right, " : "✗ not the right answer, ");
}

function about(event) {
  const ended = event.reason === "length" ? "cut at the limit" : "ended by itself";
  const tokens = `${event.tokens} token${event.tokens === 1 ? "" : "s"}`;
  return `${tokens}, ${ended}, log-probability ${event.logprob.toFixed(1)}, ${event.seconds.toFixed(1)} s (first ${event.first_seconds.toFixed(2)} s)`;
}

function compared(before, now) {
  const same = JSON.stringify(before.texts) === JSON.stringify(now.texts) && before.block === now.block && before.bare === now.bare;
  return element("p", same ? "right" : "wrong", same ? "The same as before." : `Before: ${short((before.texts ?? []).join(" / "))}`);
}

/** The prompt exactly as a model gets it, fetched when it is looked at. */
function promptOf(model, state) {
  const place = element("details", "prompt", "", element("summary", "", "The prompt as this model gets it"));
  place.addEventListener("toggle", async () => {
    if (!place.open || place.childElementCount > 1) return;
    const text = element("pre", "", "…");
    place.append(text);
    try {
      const shown = await post("/api/prompt", { ...asked(model, state), block: state.block });
      text.replaceChildren(...shown.tokens.map((token) => tokenOf(token)));
      place.append(element("p", "dim", `${shown.tokens.length} tokens${longer(model, shown)}`));
    } catch (error) {
      text.textContent = error.message;
    }
  });
  return place;
}

function tokenOf(token) {
  const made = element("span", "token", token.text);
  made.title = `token ${token.id}`;
  return made;
}

const longer = (model, shown) =>
  shown.tokens.length > model.input_length ? `; the model was tuned on at most ${model.input_length}` : "";
