// The gallery: kinds of example that people try, with honest notes; one click asks, a pair of questions both ways.

import { get } from "./api.js";
import { button, byId, element } from "./dom.js";

export async function loadGallery(askAll) {
  const { kinds } = await get("/api/gallery");
  byId("gallery").replaceChildren(
    ...kinds.map((kind) =>
      element(
        "section", "kind", "", element("h3", "", kind.title), element("p", "dim", kind.note),
        element("ul", "cards", "", ...kind.items.map((item) => card(kind, item, askAll))),
      ),
    ),
  );
}

function card(kind, item, askAll) {
  const states = [state(kind, item, item.instruction, item.answer)];
  if (item.pair) states.push(state(kind, item, item.pair, item.pair_answer));
  const open = button(item.title, () => askAll(states), "open");
  if (item.pair) open.append(element("small", "", " asked both ways"));
  return element("li", "", "", open, element("p", "dim", item.note));
}

const state = (kind, item, instruction, answer) => ({
  instruction,
  options: item.options,
  references: answer ? [answer] : [],
  max_tokens: item.max_tokens,
  temperature: item.temperature,
  samples: item.temperature > 0 ? 2 : 1,
  from: `Gallery: ${kind.title}, ${item.title}`,
});
