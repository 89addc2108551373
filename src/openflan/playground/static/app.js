// The page: what the keys and buttons do.

import { ask, loadModels, stopAll, stopSignal } from "./answers.js";
import { allDatasets, loadCatalog, tally, walk } from "./catalog.js";
import { byId, complain, makeTabs, say } from "./dom.js";
import { linked, linkTo, readForm, writeForm, writeInstruction } from "./form.js";
import { loadGallery } from "./gallery.js";
import { loadHistory, remember } from "./history.js";
import { loadMistakes } from "./mistakes.js";
import { loadWorkshop, openWorkshop } from "./workshop.js";

async function askNow(before = null) {
  const state = readForm();
  if (!state.instruction.trim()) {
    complain("Write an instruction first.");
    byId("instruction").focus();
    return;
  }
  complain("");
  const { answers, whole } = await ask(state, before);
  if (!whole) return;
  remember(state, answers);
  tally(state, answers);
}

/** Ask several states one after the other, unless somebody stops it. */
async function askAll(states, befores = []) {
  const signal = stopSignal();
  for (const [number, state] of states.entries()) {
    if (signal.aborted) return;
    writeForm(state);
    await askNow(befores[number] ?? null);
  }
}

const replay = (entries) => askAll(entries.map((one) => one.state), entries.map((one) => one.answers));

async function copyLink() {
  const place = byId("link-shown");
  place.textContent = "";
  try {
    const link = linkTo(readForm());
    history.replaceState(null, "", link);
    place.textContent = link;
    await navigator.clipboard.writeText(link);
    say("The link is copied.");
    place.textContent = `Copied: ${link}`;
  } catch (error) {
    if (!place.textContent) complain(error.message);
  }
  place.hidden = !place.textContent;
}

async function followLink() {
  const state = linked();
  if (!state) return;
  writeForm(state);
  await askNow();
}

function onKey(event) {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !byId("ask-view").hidden) {
    event.preventDefault();
    askNow();
  } else if (event.key === "Escape") {
    stopAll();
  } else if (event.altKey && event.code === "KeyN") {
    event.preventDefault();
    walk(1);
  } else if (event.altKey && event.code === "KeyP") {
    event.preventDefault();
    walk(-1);
  }
}

function openSources() {
  const wide = matchMedia("(min-width: 60rem)");
  const open = () => { byId("sources").open = wide.matches; };
  wide.addEventListener("change", open);
  open();
}

async function start() {
  openSources();
  const views = makeTabs(byId("views"), (view) => view === "workshop-view" && openWorkshop(allDatasets()));
  makeTabs(byId("source-tabs"));
  byId("form").addEventListener("submit", (event) => {
    event.preventDefault();
    askNow();
  });
  byId("stop").addEventListener("click", stopAll);
  byId("link").addEventListener("click", copyLink);
  document.addEventListener("keydown", onKey);
  addEventListener("hashchange", followLink);
  loadHistory(replay);
  const { evaluations } = await loadModels();
  loadWorkshop((state) => {
    views("ask-view");
    writeInstruction(state);
    return askNow();
  });
  await Promise.all([loadGallery(askAll), loadCatalog(askNow), loadMistakes(evaluations)]);
  document.documentElement.dataset.ready = "yes";
  await followLink();
}

start().catch((error) => complain(error.message));
