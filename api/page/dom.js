// Elements, made and kept. Text goes in as text: nothing here, or on this page, takes a string for markup.

const SVG = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set(["checked", "disabled", "hidden", "value"]);

/** Make an element; `on` holds its listeners, `null` and `false` leave an attribute out. */
export function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** Make an element of SVG. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(node, { on = {}, ...attributes }, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (PROPERTIES.has(name)) node[name] = value;
    else if (value !== null && value !== undefined && value !== false) {
      node.setAttribute(name, value === true ? "" : value);
    }
  }
  for (const [event, listener] of Object.entries(on)) node.addEventListener(event, listener);
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

/** Set an element's text, unless it has it: what a reader is at, or has selected, stays as it is. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Replace the children of an element, unless they were made of the same. */
export function refill(node, madeOf, make) {
  const now = JSON.stringify(madeOf);
  if (node.madeOf === now) return;
  node.madeOf = now;
  node.replaceChildren(...[make()].flat(Infinity).filter((child) => child !== null && child !== undefined));
}

/**
 * Return what keeps the children of an element in step with a list: each is made once, updated in place, and moved
 * only where it has to be. The focus stays where it is.
 */
export function keyed(parent, keyOf, make) {
  const rows = new Map();
  return (items) => {
    const focused = document.activeElement;
    const keys = new Set(items.map(keyOf));
    for (const [key, row] of rows) {
      if (keys.has(key)) continue;
      row.node.remove();
      rows.delete(key);
    }
    let place = parent.firstElementChild;
    for (const item of items) {
      const key = keyOf(item);
      if (!rows.has(key)) rows.set(key, make(item));
      const row = rows.get(key);
      row.update(item);
      if (row.node === place) place = place.nextElementSibling;
      else parent.insertBefore(row.node, place);
    }
    if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
  };
}

/** Return a name that may be broken after each of its parts. */
export function breakable(name) {
  return name.split(/(?<=[_-])/).flatMap((part) => [part, document.createElement("wbr")]);
}

let numbers = 0;

/** Return an id that no other element has. */
export function newId(prefix) {
  numbers += 1;
  return `${prefix}-${numbers}`;
}
