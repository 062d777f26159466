// The form of one receipt: what was read, what is typed, and whether it adds up by the rules of the server.

import { ask, dismiss } from "./api.js";
import { enter, find, make } from "./dom.js";
import * as drafts from "./draft.js";

const AMOUNTS = [
  ["subtotal", "Subtotal"], ["tax", "Taxes"], ["tip", "Tip"], ["service_charge", "Service"], ["rounding", "Rounding"], ["total", "Total"],
];
const REFRESH = 200; // milliseconds after the last key

export const open = { receipt: null, draft: null, page: null };
let timer = 0;
let asked = 0;
let wanted = null; // what a key asked for that came before the form
let onAction = () => {};

export function connect(page, act) {
  open.page = page;
  onAction = act;
}

export async function load(id) {
  nothing("…"); // keys that come meanwhile are not about the one before
  const own = asked;
  const receipt = await ask(`/api/receipts/${id}`, undefined, () => own === asked);
  if (own !== asked || !receipt) return false;
  open.receipt = receipt;
  open.draft = drafts.load(open.page.desk, id);
  draw();
  judge();
  wanted?.();
  wanted = null;
  return true;
}

export function nothing(text) {
  asked += 1;
  wanted = null;
  open.receipt = null;
  find("reading").replaceChildren(make("p", { class: "soft", text }));
}

// Now, or as soon as the form is there: keys are faster than a busy warehouse.
export const whenOpen = (call) => {
  if (open.receipt) call();
  else wanted = call;
};

// Whether somebody is at it: what is typed, or where the keys go, is not to be drawn anew.
export const isBusy = () =>
  Object.keys({ ...open.draft.header, ...open.draft.items }).length > 0 || find("reading").contains(document.activeElement);

function keep() {
  dismiss();
  drafts.keep(open.page.desk, open.receipt.receipt_id, open.draft);
  clearTimeout(timer);
  timer = setTimeout(judge, REFRESH);
}

function setHeader(field, value) {
  const before = open.draft.header[field];
  delete open.draft.header[field];
  if (value !== drafts.header(open.receipt, open.draft, field)) open.draft.header[field] = value;
  if (before !== open.draft.header[field]) keep();
  return field in open.draft.header;
}

function setItem(item, field, value) {
  const typed = { ...(open.draft.items[item.key] ?? {}) };
  delete typed[field];
  open.draft.items[item.key] = typed;
  const found = drafts.items(open.receipt, open.draft).find((one) => one.key === item.key);
  const before = found && (field === "dropped" ? found.isDropped : found.now[field]);
  if (value !== before) typed[field] = value;
  if (!Object.keys(typed).length && item.answer_id !== null) delete open.draft.items[item.key];
  keep();
  return field in typed;
}

// Its category is that of the item above, until another is chosen.
export function addItem() {
  const items = drafts.items(open.receipt, open.draft);
  const numbers = items.filter((one) => one.answer_id === null).map((one) => one.item_number);
  const number = Math.max(open.receipt.most_items, ...numbers) + 1;
  const category = items.at(-1)?.now.category;
  open.draft.items[drafts.itemKey(null, number)] = category ? { category } : {};
  keep();
  draw();
  [...document.querySelectorAll("td input.name")].pop()?.focus();
}

export function focusFirst() {
  enter(document.querySelector("td input.amount") ?? document.querySelector("#reading input"));
}

export function focusOn(correction) {
  const { field, answer_id, item_number } = correction;
  enter(find(item_number ? `${field}-${drafts.itemKey(answer_id, item_number)}` : `field-${field}`));
}

// As in a spreadsheet: from amount to amount, and from text to text; of items that are being added to price and to one more.
export function focusNext(input) {
  const line = input.closest("tr.is-added");
  const price = line?.querySelector("input.amount");
  if (price && input !== price) return enter(price);
  if (price?.value.trim() && !line.nextElementSibling) return addItem();
  const kind = input.classList.contains("amount") ? "input.amount" : "input:not(.amount)";
  const all = [...document.querySelectorAll(`#reading ${kind}`)];
  return enter(all[all.indexOf(input) + 1]);
}

// What the server is asked: whether this adds up.
function typedNow() {
  const { receipt, draft } = open;
  const currency = drafts.header(receipt, draft, "currency");
  const isOther = currency !== receipt.header.currency;
  const kept = [];
  for (const item of drafts.items(receipt, draft)) {
    const isOwn = item.typed.price !== undefined || item.fixed.price !== undefined;
    const isMended = isOwn || (isOther && item.reason !== "not an item");
    if (item.isDropped || (item.reason && !isMended)) continue;
    const asRead = !isOwn && isOther && item.price_raw;
    kept.push({ key: item.key, price: asRead ? item.price_raw : item.now.price, is_plain: !asRead && item.typed.price === undefined });
  }
  const amounts = Object.fromEntries(AMOUNTS.map(([field]) => [field, {
    text: drafts.header(receipt, draft, field), is_plain: draft.header[field] === undefined,
  }]));
  return { currency, payment_method: drafts.header(receipt, draft, "payment_method") || null, items: kept, amounts };
}

async function judge() {
  const id = open.receipt?.receipt_id;
  if (!id) return;
  const typed = typedNow();
  const wanted = JSON.stringify(typed);
  const isWanted = () => open.receipt?.receipt_id === id && JSON.stringify(typedNow()) === wanted;
  let found;
  try {
    found = await ask("/api/verdict", typed, isWanted);
  } catch (error) {
    found = { items: [], amounts: {}, reconciliation: "unknown", unexplained: null, spend: error.message };
  }
  if (!found || !isWanted()) return;
  showVerdict(found, typed);
  const meant = new Map(typed.items.map((item, at) => [item.key, found.items[at]]));
  for (const cell of document.querySelectorAll("[data-meant]")) {
    const name = cell.dataset.meant;
    const price = meant.get(name) ?? found.amounts[name];
    const isTyped = meant.has(name) ? open.draft.items[name]?.price !== undefined : open.draft.header[name] !== undefined;
    const isWrong = Boolean(price?.reason);
    const text = typed.items.find((item) => item.key === name)?.price ?? typed.amounts[name]?.text;
    const isPlain = price && !isWrong && !price.is_ambiguous && Number(text) === Number(price.amount);
    const isRead = !isPlain && (isTyped || typed.currency !== open.receipt.header.currency);
    cell.textContent = !price || !isRead ? "" : isWrong ? price.reason : `= ${price.shown}${price.is_ambiguous ? " ?" : ""}`;
    cell.classList.toggle("wrong", isWrong && Boolean(isRead));
  }
}

function showVerdict(found, typed) {
  const strip = find("verdict");
  if (!strip) return;
  strip.className = `verdict ${found.reconciliation}`;
  const total = found.amounts.total?.shown;
  const why = typed.items.length ? `items ${found.spend} ${typed.currency}; no total or subtotal to hold it against` : "no items are kept";
  const words = {
    balanced: ["Adds up", `items ${found.spend} ${typed.currency}`],
    off: [`${found.unexplained} unexplained`, `items ${found.spend}, to be paid ${total ?? found.amounts.subtotal?.shown ?? "?"} ${typed.currency}`],
    unknown: ["Cannot tell", why],
  }[found.reconciliation];
  strip.replaceChildren(make("b", { text: words[0] }), ` · ${words[1]}`);
}

// Drawing

function field(name, label, shape, input) {
  const fixed = drafts.standing(open.receipt).header[name];
  input.id = `field-${name}`;
  input.classList.toggle("is-changed", name in open.draft.header);
  if (fixed) {
    input.classList.add("is-corrected");
    input.title = `set right by ${fixed.corrected_by}, ${fixed.corrected_at} UTC`;
  }
  input.addEventListener("input", () => input.classList.toggle("is-changed", setHeader(name, input.value)));
  const isAmount = AMOUNTS.some(([amount]) => amount === name);
  return make("div", { class: `field ${shape}` },
    make("label", { for: input.id, text: label }), input,
    isAmount ? make("span", { class: "meant", "data-meant": name }) : null);
}

const text = (name, given = {}) =>
  make("input", { type: "text", value: drafts.header(open.receipt, open.draft, name), autocomplete: "off", dir: "auto", ...given });

function choice(values, chosen, given = {}) {
  const known = values.includes(chosen) ? values : [chosen, ...values];
  return make("select", given, ...known.map((value) => make("option", { value, text: value || "–", selected: value === chosen })));
}

export function draw() {
  const { receipt, draft, page } = open;
  const at = document.activeElement?.id;
  const now = (name) => drafts.header(receipt, draft, name);
  find("reading").replaceChildren(
    make("p", { class: "origin", text: [receipt.source, receipt.source_key, receipt.model, receipt.status].filter(Boolean).join(" · ") }),
    make("div", { id: "verdict", class: "verdict", role: "status" }),
    ...notes(receipt),
    make("div", { class: "fields" },
      field("merchant", "Merchant", "wide", text("merchant")),
      field("purchased_on", "Date", "half", text("purchased_on", { placeholder: "2026-03-01" })),
      field("purchased_at", "Time", "", text("purchased_at", { placeholder: "17:05" })),
      field("currency", "Currency", "", choice(page.currencies, now("currency"))),
      field("payment_method", "Paid by", "half", choice(["", ...page.payment_methods], now("payment_method"))),
      field("receipt_number", "Number", "half", text("receipt_number"))),
    table(),
    make("div", { class: "row" }, make("button", { type: "button", on: { click: addItem } }, "Add an item ", make("kbd", { text: "i" }))),
    make("div", { class: "fields" }, ...AMOUNTS.map(([name, label]) => field(name, label, "", text(name, { class: "amount", inputmode: "decimal" })))),
    history(receipt),
    actions(receipt),
  );
  if (at) find(at)?.focus();
}

function notes(receipt) {
  const said = drafts.standing(receipt).header;
  const lines = [];
  if (receipt.rejected_reason) lines.push(`The image could not be sent: ${receipt.rejected_reason}`);
  if (said.not_a_receipt) lines.push(`${said.not_a_receipt.corrected_by} says that this is no receipt.`);
  if (said.accepted) lines.push(`${said.accepted.corrected_by} says that all of it is right.`);
  if (said.same_as) lines.push(`${said.same_as.corrected_by} says that it is the same purchase as ${said.same_as.value.slice(0, 12)}.`);
  for (const one of receipt.suspected) {
    if (one.duplicate_of) lines.push(`${one.is_certain ? "One" : "May be one"} with receipt ${one.duplicate_of.slice(0, 12)}: ${one.why}.`);
  }
  return lines.map((line) => make("div", { class: "note", text: line }));
}

function table() {
  const rows = drafts.items(open.receipt, open.draft);
  return make("table", { hidden: !rows.length },
    make("thead", {}, make("tr", {},
      ...["", "Item", "Price", "Category", ""].map((title, at) =>
        title ? make("th", { scope: "col", text: title }) : make("td", { text: at ? "" : "" })))),
    make("tbody", {}, ...rows.map((item, at) => row(item, at))));
}

function row(item, at) {
  const label = (what) => `${what} of item ${at + 1}`;
  const mark = (input, name) => {
    input.classList.toggle("is-changed", name in item.typed);
    if (item.fixed[name]) {
      input.classList.add("is-corrected");
      input.title = `set right by ${item.fixed[name].corrected_by}, ${item.fixed[name].corrected_at} UTC`;
    }
    input.addEventListener("input", () => input.classList.toggle("is-changed", setItem(item, name, input.value)));
    return input;
  };
  const reason = item.reason && item.typed.price === undefined && !item.fixed.price ? item.reason : null;
  const drop = () => {
    setItem(item, "dropped", !item.isDropped);
    draw();
    judge();
  };
  const name = make("input", { id: `name-${item.key}`, type: "text", class: "name", value: item.now.name, dir: "auto", autocomplete: "off", "aria-label": label("name") });
  const price = make("input", { id: `price-${item.key}`, type: "text", class: "amount", value: item.now.price || (item.price_raw ?? ""), inputmode: "decimal", autocomplete: "off", "aria-label": label("price") });
  const line = make("tr", { class: [(item.isDropped || reason) && "is-out", item.answer_id === null && !item.fixed.price && "is-added"].filter(Boolean).join(" ") },
    make("td", { class: "number", text: String(at + 1) }),
    make("td", {}, mark(name, "name"),
      reason || item.is_price_ambiguous ? make("div", { class: "why", text: reason ? `kept out: ${reason}` : `${item.price_raw} may be two amounts` }) : null),
    make("td", { class: "price" }, mark(price, "price"), make("div", { class: "meant", "data-meant": item.key })),
    make("td", { class: "category" }, mark(choice(open.page.category, item.now.category || open.page.category.at(-1), { id: `category-${item.key}`, "aria-label": label("category") }), "category")),
    make("td", { class: "drop" }, make("button", {
      id: `drop-${item.key}`, type: "button", on: { click: drop }, "aria-pressed": String(item.isDropped),
      "aria-label": item.isDropped ? `take item ${at + 1} back in` : `drop item ${at + 1}`, title: item.isDropped ? "take it back in" : "no item: drop it (Ctrl Delete)",
    }, item.isDropped ? "↺" : "×")));
  line.addEventListener("keydown", (event) => {
    if (event.key === "Delete" && event.ctrlKey) {
      event.preventDefault();
      drop();
    } else if (["ArrowUp", "ArrowDown"].includes(event.key) && event.target.matches("input")) {
      event.preventDefault();
      const other = event.key === "ArrowUp" ? line.previousElementSibling : line.nextElementSibling;
      enter(other?.querySelector(event.target.matches(".name") ? "input.name" : "input.amount"));
    }
  });
  return line;
}

function history(receipt) {
  if (!receipt.corrections.length) return make("div", { hidden: true });
  return make("details", {},
    make("summary", { text: `${receipt.corrections.length} corrections` }),
    make("ul", {}, ...receipt.corrections.map((one) => make("li", {},
      `${one.corrected_at} ${one.corrected_by}: ${one.item_number ? `item ${one.item_number}, ` : ""}${one.field}${one.value === "true" ? "" : ` = ${(one.value ?? "nothing").slice(0, 200)}`} `,
      make("button", { type: "button", on: { click: () => onAction("withdraw", one) } }, "take back")))));
}

function actions(receipt) {
  const button = (action, label, key, kind = "") =>
    make("button", { type: "button", class: kind, on: { click: () => onAction(action) } }, `${label} `, make("kbd", { text: key }));
  const other = receipt.suspected.find((one) => one.duplicate_of);
  return make("div", { class: "actions row" },
    button("accept", "All right, next", "a", "main"),
    button("save", "Save", "s"),
    button("undo", "Undo", "u"),
    button("none", "No receipt", "x"),
    other ? button("same", "Same purchase", "d") : null,
    other ? button("two", "Two purchases", "t") : null,
    other ? button("other", "Other image", "o") : null,
    make("input", { id: "reason", type: "text", placeholder: "why (may be left out)", "aria-label": "Why", maxlength: 500, autocomplete: "off" }));
}
