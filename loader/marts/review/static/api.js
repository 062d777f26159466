// Asking the server. While another program holds the warehouse, or the server does not answer, a request waits and says
// so; it is sent again until it gets through, which is safe: a correction bears the id that the page gave it.

import { find } from "./dom.js";

const waits = new Map();
let number = 0;
let isWaiting = false; // what the banner says is that something waits

export async function ask(path, body, isWanted = () => true) {
  const own = (number += 1);
  try {
    for (let wait = 250; ; wait = Math.min(wait * 1.6, 3000)) {
      let response = null;
      try {
        response = await fetch(path, body === undefined ? {} : sent(body));
      } catch {
        note(own, "No connection to `loader review`: start it again in its terminal. What you typed is kept here.");
      }
      if (response) {
        const given = await response.json().catch(() => ({ error: `the server failed (${response.status})` }));
        if (response.ok) return given;
        if (response.status !== 503) throw Object.assign(new Error(given.error), { status: response.status, position: given.position });
        note(own, `Waiting, as ${given.error}. What you typed is kept.`);
      }
      if (!isWanted()) return null;
      await new Promise((done) => setTimeout(done, wait));
    }
  } finally {
    note(own, null);
  }
}

const sent = (body) => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

function note(own, text) {
  if (text === null) waits.delete(own);
  else waits.set(own, text);
  const latest = [...waits.values()].pop();
  if (latest || isWaiting) show(latest ?? "", false);
  isWaiting = Boolean(latest);
}

// What was said of the step before; not what something still waits for.
export const dismiss = () => isWaiting || show("", false);

export function show(text, isWrong) {
  const banner = find("banner");
  banner.textContent = text;
  banner.classList.toggle("wrong", isWrong);
  banner.hidden = !text;
  isWaiting = false;
}
