// What is typed and not saved yet, by receipt. It outlives a reload; what is saved is forgotten here.
//
// A field has three layers: what was typed, what a person set right before, what was read. The first that is there counts.

const empty = () => ({ header: {}, items: {} });
const key = (desk, id) => `review:${desk}:${id}`;

export function load(desk, id) {
  try {
    return { ...empty(), ...JSON.parse(localStorage.getItem(key(desk, id)) ?? "{}") };
  } catch {
    return empty();
  }
}

export function keep(desk, id, draft) {
  const isEmpty = !Object.keys(draft.header).length && !Object.keys(draft.items).length;
  try {
    if (isEmpty) localStorage.removeItem(key(desk, id));
    else localStorage.setItem(key(desk, id), JSON.stringify(draft));
  } catch {
    // a full or forbidden storage: the page itself still has it
  }
}

export const itemKey = (answer, number) => `${answer ?? ""}:${number}`;

// The corrections that stand, as field -> correction of the whole receipt, and item -> field -> correction.
export function standing(receipt) {
  const found = { header: {}, items: {} };
  for (const one of receipt.corrections) {
    if (one.item_number === null) found.header[one.field] = one;
    else (found.items[itemKey(one.answer_id, one.item_number)] ??= {})[one.field] = one;
  }
  return found;
}

// The items as they are now: those that were read, those that were added before, those that are being added.
export function items(receipt, draft) {
  const stand = standing(receipt).items;
  const read = receipt.items.map((item) => ({ ...item, key: itemKey(item.answer_id, item.item_number) }));
  const added = [...new Set([...Object.keys(stand), ...Object.keys(draft.items)])]
    .filter((name) => name.startsWith(":"))
    .map((name) => ({
      key: name, answer_id: null, item_number: Number(name.slice(1)), name: null, price: null, category: null, reason: null,
    }))
    .sort((one, other) => one.item_number - other.item_number);
  return [...read, ...added].map((item) => {
    const typed = draft.items[item.key] ?? {};
    const fixed = stand[item.key] ?? {};
    const now = (field) => typed[field] ?? fixed[field]?.value ?? (field in fixed ? "" : item[field] ?? "");
    return {
      ...item,
      typed,
      fixed,
      now: { name: now("name"), price: now("price"), category: now("category") },
      isDropped: "dropped" in typed ? typed.dropped : "dropped" in fixed,
    };
  });
}

export function header(receipt, draft, field) {
  const fixed = standing(receipt).header[field];
  return draft.header[field] ?? (fixed ? (fixed.value ?? "") : (receipt.header[field] ?? ""));
}

const newId = () => [...crypto.getRandomValues(new Uint8Array(12))].map((one) => one.toString(16).padStart(2, "0")).join("");

export const correction = (field, value, of = {}) => ({ correction_id: newId(), field, value: value === "" ? null : value, ...of });

// What is typed, as corrections to be sent.
export function corrections(receipt, draft) {
  const found = Object.entries(draft.header).map(([field, value]) => correction(field, value));
  for (const item of items(receipt, draft)) {
    const of = { answer_id: item.answer_id, item_number: item.item_number };
    const isNew = item.answer_id === null && !("price" in item.fixed);
    if (isNew && (item.isDropped || item.now.price.trim() === "")) continue;
    for (const [field, value] of Object.entries(item.typed)) {
      if (field !== "dropped") found.push(correction(field, value, of));
      else if (value) found.push(correction("dropped", null, of));
      else if (item.fixed.dropped) found.push(correction("withdraw", item.fixed.dropped.correction_id));
    }
  }
  return found;
}

// Corrections that take these back.
export const withdrawals = (ids) => ids.map((id) => correction("withdraw", id));
