// Elements from text. Nothing here parses HTML: what a receipt says is text, whatever it looks like.

export const find = (id) => document.getElementById(id);

// An element with attributes and children; a child that is a string becomes text. `class`, `text`, `on` (event ->
// function) and properties such as `value` are set, all else is an attribute; null and false are left out.
export function make(tag, given = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.className = value;
    else if (name === "text") element.textContent = value;
    else if (name === "on") for (const [event, call] of Object.entries(value)) element.addEventListener(event, call);
    else if (name in element && typeof value !== "string") element[name] = value;
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function options(select, values, chosen = select.value) {
  const first = select.dataset.first ?? select.options[0]?.text ?? "";
  const keeps = select.options[0]?.value === "";
  select.dataset.first = first;
  select.replaceChildren(
    ...(keeps ? [make("option", { value: "", text: first })] : []),
    ...values.map(([value, text]) => make("option", { value, text })),
  );
  select.value = chosen;
}

// Into a field: what is typed next takes the place of what is there.
export function enter(field) {
  field?.focus();
  field?.select?.();
}

export const isTyping = (target) => target.matches?.("input, select, textarea");
