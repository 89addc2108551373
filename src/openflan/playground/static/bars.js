// A ranking as a table with a bar for every option.

import { element } from "./dom.js";

export function ranking(title, found, references) {
  const table = element("table", "ranking", "", element("caption", "", title));
  const head = element("tr");
  for (const name of ["option", "share", "log-prob.", "per token"]) {
    const cell = element("th", "", name);
    cell.scope = "col";
    head.append(cell);
  }
  table.append(element("thead", "", "", head));
  table.append(element("tbody", "", "", ...found.options.map((one) => row(one, found.choice, references))));
  return table;
}

function row(one, choice, references) {
  const chosen = one.option === choice;
  const name = element("th", "", `${chosen ? "▶ " : ""}${one.option}`);
  name.scope = "row";
  if (references.length) name.append(judged(one.option, chosen, references));
  const share = `${(100 * one.share).toFixed(1)} %`;
  const bar = element("span", "bar", "", element("i"));
  bar.firstChild.style.width = `${100 * one.share}%`;
  return element(
    "tr", chosen ? "chosen" : "", "", name,
    element("td", "share", "", bar, element("span", "", share)),
    element("td", "n", one.logprob.toFixed(2)),
    element("td", "n", one.per_token.toFixed(2)),
  );
}

function judged(option, chosen, references) {
  if (references.includes(option)) return element("span", "right", " ✓ right");
  return chosen ? element("span", "wrong", " ✗ wrong") : "";
}
