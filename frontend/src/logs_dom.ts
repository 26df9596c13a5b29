// Elements are made here and nowhere from HTML: what a log holds is text, whatever it looks like.

type Attributes = Record<string, string | boolean>;

/** An element with its class, attributes and what is in it. */
export function made<K extends keyof HTMLElementTagNameMap>(
  name: K,
  look: string,
  attributes: Attributes = {},
  ...inner: Array<Node | string>
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  if (look) element.className = look;
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(key, "");
    else if (value !== false) element.setAttribute(key, value);
  }
  element.append(...inner);
  return element;
}

/** A button that a key does the same as. */
export function button(look: string, label: string, text: string, key: string, act: () => void): HTMLButtonElement {
  const title = key ? `${label} (${key})` : label;
  const element = made("button", look, { type: "button", title, "aria-label": label }, text);
  if (key) element.setAttribute("aria-keyshortcuts", key);
  element.addEventListener("click", act);
  return element;
}
