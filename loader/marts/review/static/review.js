// The page: the queue, what keys do, saving, and the build.

import { ask, show } from "./api.js";
import { enter, find, isTyping, make, options } from "./dom.js";
import * as drafts from "./draft.js";
import { changeZoom, fit, layOut, scrollImages, showImages, turn } from "./images.js";
import * as form from "./receipt.js";

const LATER = "The figures at the top have the new currency after a build (b).";
const FILTERS = ["doubt", "source", "month", "category", "currency", "text"];
const PAGE = 50;
const MOST_SHOWN = 4; // currencies at the top
const queue = { rows: [], count: 0, offset: 0, at: -1, asked: 0 };
const selected = new Set();
const undone = []; // what was saved, the latest last: the receipt and the ids of its corrections
let page = null;
let isSaving = false;
const currencies = []; // as they stand at the top: it does not change while one works

// The queue

// `stays`: the receipt that is open remains so, with the keys where they are.
async function loadQueue(offset = 0, at = 0, stays = null) {
  const own = (queue.asked += 1);
  const asked = new URLSearchParams({ state: find("state").value, offset: String(offset) });
  for (const name of FILTERS) if (find(name).value) asked.set(name, find(name).value);
  const found = await ask(`/api/queue?${asked}`, undefined, () => own === queue.asked).catch((error) => show(error.message, true));
  if (own !== queue.asked || !found) return;
  Object.assign(queue, { rows: found.rows, count: found.count, offset });
  if (stays) {
    queue.at = found.rows.findIndex((row) => row.receipt_id === stays);
    drawQueue();
    if (form.open.receipt?.receipt_id === stays && !form.isBusy()) await form.load(stays);
    return;
  }
  drawQueue();
  if (found.rows.length) await choose(Math.min(at < 0 ? found.rows.length - 1 : at, found.rows.length - 1));
  else {
    queue.at = -1;
    showImages(null);
    form.nothing(find("state").value === "doubtful" ? "Nothing here is worth a look. “All receipts” in the first list shows the others." : "No receipt fits.");
    find("image-note").textContent = "";
  }
}

function drawQueue() {
  const last = queue.offset + queue.rows.length;
  find("count").textContent = queue.count ? `${(queue.offset + 1).toLocaleString("en")}–${last.toLocaleString("en")} of ${queue.count.toLocaleString("en")}` : "none";
  find("queue").replaceChildren(...queue.rows.map((row, at) => make("li", {},
    make("button", {
      type: "button", tabindex: "-1", class: [row.is_done && "is-done", selected.has(row.receipt_id) && "is-selected"].filter(Boolean).join(" "),
      "aria-current": at === queue.at ? "true" : null, on: { click: () => choose(at) },
    },
    make("span", { class: "name", dir: "auto", text: row.merchant || row.source_key }),
    make("span", { class: "amount", text: `${row.amount ?? ""} ${row.currency}` }),
    make("small", {}, make("span", { text: row.purchased_on ?? "" }),
      make("span", { class: row.doubt === "off" && !row.is_done ? "off" : "", text: row.is_done ? "done" : row.unexplained && row.doubt === "off" ? `${row.unexplained} unexplained` : row.doubt === "none" ? "" : page.doubt[row.doubt] }))))));
  find("queue").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  find("many").hidden = !selected.size;
  find("selected").textContent = `${selected.size} selected`;
}

async function choose(at) {
  show("", false);
  queue.at = at;
  drawQueue();
  await openReceipt(queue.rows[at].receipt_id);
}

async function openReceipt(id) {
  showImages(id);
  try {
    if (await form.load(id)) history.replaceState(null, "", `/?receipt=${id}`);
  } catch (error) {
    form.nothing(error.message);
  }
}

async function step(by) {
  const at = queue.at + by;
  if (at >= 0 && at < queue.rows.length) return choose(at);
  if (at < 0 && queue.offset > 0) return loadQueue(Math.max(0, queue.offset - PAGE), -1);
  // those that are done have left the queue
  const left = find("state").value === "doubtful" ? queue.rows.filter((row) => !row.is_done).length : queue.rows.length;
  if (at >= queue.rows.length && (queue.offset + left < queue.count || left < queue.rows.length)) {
    const before = queue.rows.length;
    const isMore = queue.offset + before < queue.count;
    return loadQueue(isMore ? queue.offset + left : Math.max(0, queue.offset - (queue.offset ? PAGE : 0)), 0);
  }
  return null;
}

// Saving

async function save(corrections, { isDone = null, moves = false } = {}) {
  const { receipt, draft } = form.open;
  if (isSaving || !receipt) return;
  if (!corrections.length) {
    show("Nothing is changed.", false);
    return;
  }
  isSaving = true;
  try {
    await ask(`/api/receipts/${receipt.receipt_id}`, {
      corrections,
      seen: receipt.corrections.map((one) => one.correction_id),
      currency: drafts.header(receipt, draft, "currency"),
      reason: find("reason")?.value ?? "",
    });
  } catch (error) {
    show(error.message, true);
    if (error.status === 409) await form.load(receipt.receipt_id);
    else if (corrections[error.position]) form.focusOn(corrections[error.position]);
    return;
  } finally {
    isSaving = false;
  }
  const later = corrections.some((one) => one.field === "currency") ? LATER : "";
  show(`${moves ? "" : "Saved. "}${later}`.trim(), false);
  undone.push({ id: receipt.receipt_id, ids: corrections.filter((one) => one.field !== "withdraw").map((one) => one.correction_id) });
  const saved = corrections.filter((one) => one.item_number === undefined || one.item_number === null);
  mark(receipt.receipt_id, isDone, Object.fromEntries(saved.map((one) => [one.field, one.value])));
  drafts.keep(page.desk, receipt.receipt_id, { header: {}, items: {} });
  loadProven();
  document.activeElement?.blur?.();
  if (moves && queue.rows[queue.at]?.receipt_id === receipt.receipt_id && queue.at + 1 < queue.rows.length) await step(1);
  else if (moves) await loadQueue(0);
  else await form.load(receipt.receipt_id);
  if (moves && later) show(later, false); // opening the next receipt has taken the message away
}

function mark(id, isDone, saved = {}) {
  const row = queue.rows.find((one) => one.receipt_id === id);
  if (row && isDone !== null) row.is_done = isDone;
  for (const field of ["merchant", "purchased_on", "currency"]) if (row && field in saved) row[field] = saved[field];
  drawQueue();
}

async function undo() {
  const last = undone.pop();
  if (!last) return show("Nothing of this page is left to undo.", false);
  const corrections = drafts.withdrawals(last.ids);
  try {
    await ask(`/api/receipts/${last.id}`, { corrections });
  } catch (error) {
    undone.push(last);
    return show(error.message, true);
  }
  mark(last.id, false);
  const at = queue.rows.findIndex((one) => one.receipt_id === last.id);
  loadProven();
  await (at >= 0 ? choose(at) : openReceipt(last.id));
  return show("Undone.", false);
}

const typed = () => drafts.corrections(form.open.receipt, form.open.draft);
const said = (field, value = null, of = {}) => drafts.correction(field, value, of);

function act(action, one) {
  const receipt = form.open.receipt;
  if (!receipt) return null;
  const other = receipt.suspected.find((pair) => pair.duplicate_of)?.duplicate_of;
  switch (action) {
    case "accept": return save([...typed(), said("accepted", null, { answer_id: receipt.answer_id })], { isDone: true, moves: true });
    case "save": return save(typed());
    case "none": return save([said("not_a_receipt")], { isDone: true, moves: true });
    case "same": return other && save([said("same_as", other)], { isDone: true, moves: true });
    case "two": return other && save([said("not_same_as", other)], { isDone: true, moves: true });
    case "other": return other && showImages(find("pictures").dataset.other === other ? receipt.receipt_id : other);
    case "withdraw": return save([said("withdraw", one.correction_id)], { isDone: false });
    case "undo": return undo();
    default: return null;
  }
}

// By a button: a letter that is typed to find an entry chooses others on the way there.
async function setMany() {
  const chosen = ["currency", "category"].filter((field) => find(`many-${field}`).value);
  if (!chosen.length) return show("Choose a currency or a category for what is selected.", false);
  const said = [];
  for (const field of chosen) {
    const told = await setOne(field, find(`many-${field}`).value);
    if (!told) return null;
    said.push(told);
    find(`many-${field}`).value = "";
  }
  selected.clear();
  drawQueue();
  loadProven();
  if (form.open.receipt) await form.load(form.open.receipt.receipt_id);
  return show(said.join(" "), false);
}

// What was done, in words; null when it failed, which is shown.
async function setOne(field, value) {
  try {
    const { saved } = await ask("/api/many", { field, value, receipt_ids: [...selected] });
    const byReceipt = new Map();
    for (const [id, correction] of saved) byReceipt.set(id, [...(byReceipt.get(id) ?? []), correction]);
    for (const [id, ids] of byReceipt) undone.push({ id, ids });
    const count = (many) => many.toLocaleString("en");
    return `${field} ${value}: ${count(saved.length)} corrections of ${count(byReceipt.size)} receipts.${field === "currency" ? ` ${LATER}` : ""}`;
  } catch (error) {
    show(error.message, true);
    return null;
  }
}

// The figure at the top, and the build

async function loadProven() {
  const found = await ask("/api/proven").catch(() => []);
  const some = found.filter((one) => one.share !== null);
  // those where something is left to be proven come first
  for (const one of [...some.filter((one) => one.share < 1), ...some]) if (!currencies.includes(one.currency)) currencies.push(one.currency);
  some.sort((one, other) => currencies.indexOf(one.currency) - currencies.indexOf(other.currency));
  const share = (one) => `${Math.floor(one.share * 1000) / 10} %`;
  const rest = some.slice(MOST_SHOWN);
  find("proven").replaceChildren(
    some.length ? make("em", { text: "Proven" }) : "",
    ...some.slice(0, MOST_SHOWN).map((one) =>
      make("span", { title: `${one.proven} of ${one.spend}` }, make("b", { text: share(one) }), ` of ${one.spend} ${one.currency}`)),
    rest.length ? make("span", { text: `+ ${rest.length} more`, title: rest.map((one) => `${share(one)} of ${one.spend} ${one.currency}`).join(", ") }) : "");
}

async function build(isStart) {
  find("build").disabled = true;
  for (let isFirst = isStart; ; isFirst = false) {
    const now = await ask("/api/build", isFirst ? {} : undefined).catch((error) => ({ state: "failed", said: [error.message] }));
    if (now.state === "running") {
      find("building").textContent = `building… ${now.seconds} s`;
      await new Promise((done) => setTimeout(done, 1000));
      continue;
    }
    find("build").disabled = false;
    find("building").textContent = now.state === "done" ? "built" : "";
    if (now.state !== "none" && isStart) {
      currencies.length = 0;
      loadProven();
      await loadQueue(queue.offset, 0, form.open.receipt?.receipt_id);
    }
    if (now.state === "failed") show(`The build failed: ${now.said.join(" · ")}`, true);
    if (now.state === "done" && isStart) show(`Built: ${now.said.at(-1) ?? "published"}`, false);
    return;
  }
}

// Keys

const KEYS = new Map(Object.entries({
  j: ["next receipt", () => step(1)],
  k: ["previous receipt", () => step(-1)],
  a: ["all right as shown: save, and the next one", () => act("accept")],
  m: ["into the merchant, and by Tab the date, the currency, …", () => form.whenOpen(() => enter(find("field-merchant")))],
  e: ["into the first price", () => form.whenOpen(form.focusFirst)],
  p: ["into what is printed below the items: subtotal, taxes, …, total", () => form.whenOpen(() => enter(find("field-subtotal")))],
  i: ["add an item", () => form.whenOpen(form.addItem)],
  s: ["save what is typed", () => act("save")],
  u: ["undo what was saved last", () => act("undo") ?? undo()],
  x: ["this is no receipt", () => act("none")],
  d: ["the same purchase as the one that is named", () => act("same")],
  t: ["two purchases", () => act("two")],
  o: ["the other one's image, and back", () => act("other")],
  "+": ["larger", () => changeZoom(1.25)],
  "-": ["smaller", () => changeZoom(0.8)],
  r: ["turn", turn],
  "[": ["scroll the image up", () => scrollImages(-0.5)],
  "]": ["scroll the image down", () => scrollImages(0.5)],
  "<": ["scroll the image to the left", () => scrollImages(0, -0.5)],
  ">": ["scroll the image to the right", () => scrollImages(0, 0.5)],
  " ": ["select, for one currency or category for all", () => toggle()],
  g: ["to the currency and category for all that is selected", () => find("many-currency").focus()],
  "/": ["find by merchant or file", () => find("text").focus()],
  b: ["build: bring what is saved into the figures", () => build(true)],
  "?": ["these keys", () => find("help").showModal()],
}));
KEYS.set("0", ["fit", fit]); // a name that is a number would come first in the list
const ALSO = { ArrowDown: "j", ArrowUp: "k", Enter: "e", "=": "+" };

function toggle() {
  const id = queue.rows[queue.at]?.receipt_id;
  if (!id) return;
  if (!selected.delete(id)) selected.add(id);
  drawQueue();
}

document.addEventListener("keydown", (event) => {
  if (find("help").open) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    act("accept");
    return;
  }
  if (event.key === "Enter" && event.target.matches("#reading input")) form.focusNext(event.target);
  if (event.key === "Escape") document.activeElement?.blur?.();
  if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("button") && ["Enter", " "].includes(event.key)) return;
  if (event.target.id === "pictures" && event.key.startsWith("Arrow")) return;
  const key = ALSO[event.key] ?? event.key;
  if (!KEYS.has(key)) return;
  event.preventDefault();
  KEYS.get(key)[1]();
});

// Beginning

async function begin() {
  page = await ask("/api/options");
  form.connect(page, act);
  options(find("doubt"), Object.entries(page.doubt));
  for (const name of ["source", "month", "category", "currency"]) options(find(name), page[name].map((value) => [value, value]));
  options(find("many-currency"), page.currencies.map((value) => [value, value]));
  options(find("many-category"), page.category.map((value) => [value, value]));
  find("keys").replaceChildren(...[...KEYS].flatMap(([key, [meaning]]) => [
    make("dt", {}, make("kbd", { text: key === " " ? "space" : key })), make("dd", { text: meaning }),
  ]));
  let timer = 0;
  find("filters").addEventListener("input", (event) => {
    clearTimeout(timer);
    timer = setTimeout(() => loadQueue(), event.target.id === "text" ? 250 : 0);
  });
  find("filters").addEventListener("submit", (event) => event.preventDefault());
  find("keys-shown").addEventListener("click", () => find("help").showModal());
  find("build").addEventListener("click", () => build(true));
  find("larger").addEventListener("click", () => changeZoom(1.25));
  find("smaller").addEventListener("click", () => changeZoom(0.8));
  find("fit").addEventListener("click", fit);
  find("turn").addEventListener("click", turn);
  find("many-none").addEventListener("click", () => (selected.clear(), drawQueue()));
  find("many-set").addEventListener("click", setMany);
  addEventListener("resize", layOut);
  loadProven();
  build(false);
  const wanted = new URLSearchParams(location.search).get("receipt");
  await loadQueue();
  const at = queue.rows.findIndex((row) => row.receipt_id === wanted);
  if (at > 0) await choose(at);
  else if (wanted && at < 0) {
    queue.at = -1;
    drawQueue();
    await openReceipt(wanted);
  }
  document.body.dataset.ready = "true";
}

begin().catch((error) => show(error.message, true));
