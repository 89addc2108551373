// What the page asks of the server. Whatever fails is an Error with a sentence.

async function sentence(response) {
  try {
    return (await response.json()).error.message;
  } catch {
    return `the server answered ${response.status}`;
  }
}

async function reached(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("openflan does not answer; is it still running?");
  }
  if (!response.ok) throw new Error(await sentence(response));
  return response;
}

function posting(body, signal) {
  return { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal };
}

export const get = async (path, query = {}) => (await reached(`${path}?${new URLSearchParams(query)}`)).json();

export const post = async (path, body, signal) => (await reached(path, posting(body, signal))).json();

/** The events of a streamed answer, as they come. */
export async function* stream(path, body, signal) {
  const response = await reached(path, posting({ ...body, stream: true }, signal));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (waiting + value).split("\n");
    waiting = parts.pop();
    for (const part of parts) yield JSON.parse(part);
  }
}
