// The instruction box: what is in it as plain data, and as a link that reproduces it.

import { byId, complain, lines } from "./dom.js";

const NUMBERS = ["max_tokens", "temperature", "top_p", "seed", "samples"];
const LONGEST_LINK = 30_000;

export const USUAL = {
  instruction: "", options: [], references: [], block: true, max_tokens: 256, temperature: 0, top_p: 1, seed: 0,
  samples: 1, stop: [], from: "",
};

let from = "";

export function readForm() {
  const state = {
    instruction: byId("instruction").value,
    options: lines(byId("options").value),
    references: lines(byId("references").value),
    block: byId("block").checked,
    stop: lines(byId("stop_at").value),
    from,
  };
  for (const name of NUMBERS) state[name] = byId(name).value === "" ? USUAL[name] : byId(name).valueAsNumber;
  return state;
}

/** Put a state into the form; what it leaves out becomes as usual. */
export function writeForm(state) {
  const whole = { ...USUAL, ...state };
  byId("instruction").value = whole.instruction;
  byId("options").value = whole.options.join("\n");
  byId("references").value = whole.references.join("\n");
  byId("block").checked = whole.block;
  byId("stop_at").value = whole.stop.join("\n");
  for (const name of NUMBERS) byId(name).value = whole[name];
  from = whole.from;
}

/** Put an instruction into the form and keep how it is written. */
export function writeInstruction(state) {
  const { max_tokens, temperature, top_p, seed, samples, stop } = readForm();
  writeForm({ max_tokens, temperature, top_p, seed, samples, stop, block: byId("block").checked, ...state });
}

function packed(state) {
  const changed = Object.entries(state).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(USUAL[key]));
  const bytes = new TextEncoder().encode(JSON.stringify(Object.fromEntries(changed)));
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

export function linkTo(state) {
  const link = `${location.origin}/#s=${packed(state)}`;
  if (link.length > LONGEST_LINK) throw new Error("the instruction is too long for a link; export the history instead");
  return link;
}

/** The state in the page's address, if there is one. */
export function linked() {
  const text = new URLSearchParams(location.hash.slice(1)).get("s");
  if (!text) return null;
  try {
    const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    const state = JSON.parse(new TextDecoder().decode(Uint8Array.from(binary, (one) => one.charCodeAt(0))));
    return sound(state) ? state : refused();
  } catch {
    return refused();
  }
}

function refused() {
  complain("The link is damaged: nothing can be read from it.");
  return null;
}

/** Whether a stranger's state has the types that the form expects. */
export function sound(state) {
  if (typeof state !== "object" || state === null || Array.isArray(state)) return false;
  return Object.entries(state).every(([key, value]) => {
    const usual = USUAL[key];
    if (Array.isArray(usual)) return Array.isArray(value) && value.every((one) => typeof one === "string");
    return typeof value === typeof usual;
  });
}
