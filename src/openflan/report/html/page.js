"use strict";
// Every text on this page may be a stranger's: it is set as text, never as markup.
const data = JSON.parse(document.getElementById("data").textContent);
const list = document.getElementById("list"), count = document.getElementById("count");
const more = document.getElementById("more"), form = document.querySelector("form.controls");
const PAGE = 12;
let matching = [], shown = 0;

function element(tag, className, text, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}

function currentSetting() {
  const chosen = document.querySelector("input[name=setting]:checked");
  return chosen ? chosen.value : Object.keys(data.settings)[0];
}

// Settings: one pane at a time.
function showPane() {
  for (const pane of document.querySelectorAll(".pane")) pane.hidden = pane.dataset.setting !== currentSetting();
}

// Prompts: filter, then draw a page at a time.
function searched(prompt) {
  if (!prompt.text) {
    const answers = prompt.answers.flatMap((one) => [one.wrote, one.chosen, one.prompt]);
    prompt.text = [prompt.prompt, prompt.target, ...answers].filter(Boolean).join("\n").toLowerCase();
  }
  return prompt.text;
}

function wanted(prompt, asked) {
  if (prompt.setting !== currentSetting()) return false;
  if (asked.dataset && prompt.dataset !== asked.dataset) return false;
  if (asked.text && !searched(prompt).includes(asked.text)) return false;
  const judged = prompt.answers.filter((one) => one.right !== null);
  if (asked.outcome === "changed") return new Set(judged.map((one) => one.right)).size > 1;
  if (!asked.outcome) return true;
  return judged.some((one) => one.model === asked.model && one.right === (asked.outcome === "right"));
}

function filter() {
  const asked = {
    dataset: form.elements.dataset.value,
    model: Number(form.elements.model.value),
    outcome: form.elements.outcome.value,
    text: form.elements.text.value.trim().toLowerCase(),
  };
  matching = data.prompts.filter((prompt) => wanted(prompt, asked));
  shown = 0;
  list.replaceChildren();
  draw();
}

function draw() {
  list.append(...matching.slice(shown, shown + PAGE).map(promptCard));
  shown = Math.min(shown + PAGE, matching.length);
  count.textContent = matching.length ? `${shown} of ${matching.length} shown` : "No prompt is like that.";
  more.hidden = shown === matching.length;
}

function promptCard(prompt) {
  const writer = /^\d+$/.test(prompt.writer) ? `template ${prompt.writer}` : prompt.writer;
  const head = element("header", "", "", element("b", "", prompt.dataset), ` ${writer} `);
  head.append(element("span", "target", "", "right answer: ", element("b", "", prompt.target)));
  const answers = element("div", "answers", "", ...prompt.answers.map(answerCard));
  return element("article", "prompt", "", head, element("pre", "", prompt.prompt), answers);
}

function answerCard(answer) {
  const title = element("h4", "", "", mark(answer.model), ` ${data.models[answer.model]} `);
  if (answer.right !== null) title.append(element("span", answer.right ? "right" : "wrong", answer.right ? "✓ right" : "✗ wrong"));
  if (answer.score !== null) title.append(element("span", "dim", `score ${answer.score.toFixed(1)}`));
  const card = element("section", "", "", title);
  if (answer.failure) card.append(element("p", "wrong", `not scored: ${answer.failure}`));
  if (answer.options.length) card.append(element("ul", "options", "", ...answer.options.map((one) => option(one, answer.chosen))));
  if (answer.wrote !== null) card.append(element("p", "wrote", "wrote: ", element("q", "", answer.wrote || "(nothing)")));
  if (answer.prompt) card.append(element("details", "", "", element("summary", "", "asked in its own way"), element("pre", "", answer.prompt)));
  return card;
}

function option([text, logprob, share, right], chosen) {
  const bar = element("span", "meter", "", element("i"));
  bar.firstChild.style.width = `${share}%`;
  const name = element("span", "name", text);
  if (right) name.append(element("span", "right", " ✓"));
  const value = element("span", "n", logprob === null ? "–" : logprob.toFixed(2));
  const line = element("li", text === chosen ? "chosen" : "", "", name, bar, value);
  if (text === chosen) line.append(element("span", "aloud", "ranked first"));
  return line;
}

function mark(model) {
  return document.querySelectorAll(".legend .key-mark")[model].cloneNode(true);
}

for (const name of data.datasets) form.elements.dataset.append(new Option(name, name));
data.models.forEach((name, number) => form.elements.model.append(new Option(name, String(number))));
form.addEventListener("input", filter);
form.addEventListener("submit", (event) => event.preventDefault());
more.addEventListener("click", draw);
for (const radio of document.querySelectorAll("input[name=setting]")) {
  radio.addEventListener("change", () => { showPane(); filter(); });
}
document.documentElement.classList.add("scripted");
showPane();
filter();
