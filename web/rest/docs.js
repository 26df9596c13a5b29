"use strict";

// The schema as a page: what there is, forms to try what only reads, and the answers.
// Everything from elsewhere goes in as text, never as markup. The token is kept nowhere.

const LONGEST = 200000; // characters of an answer that are shown
const byId = (id) => document.getElementById(id);
let schema = null;

function make(tag, { text, ...attributes } = {}, ...children) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function headers() {
  const token = byId("token").value.trim();
  return token ? { Authorization: `Bearer ${token}` } : {};
}

async function load() {
  const state = byId("state");
  state.className = "";
  state.textContent = "Loading the schema.";
  try {
    const answer = await fetch("/api/openapi.json", { headers: headers() });
    if (!answer.ok) {
      const problem = await answer.json();
      throw new Error(problem.detail || answer.statusText);
    }
    schema = await answer.json();
    byId("version").textContent = schema.info.version;
    state.textContent = "";
    show();
  } catch (error) {
    state.className = "bad";
    state.textContent = `The schema could not be read: ${error.message}`;
    byId("token").focus();
  }
}

function show() {
  const main = byId("operations");
  main.replaceChildren();
  for (const tag of schema.tags) {
    const found = operations().filter((one) => one.operation.tags[0] === tag.name);
    if (!found.length) continue;
    const section = make("section", {}, make("h2", { text: tag.name }), make("p", { text: tag.description }));
    section.append(...found.map(described));
    main.append(section);
  }
  filter();
}

function operations() {
  return Object.entries(schema.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
}

function described({ path, method, operation }) {
  const head = make("summary", {}, make("span", { class: "method", text: method }), make("span", { class: "path", text: path }));
  const all = make("details", { id: operation.operationId, "data-words": `${method} ${path} ${operation.description}`.toLowerCase() }, head);
  all.addEventListener("toggle", () => {
    if (all.open && all.childElementCount === 1) all.append(body(path, method, operation));
  });
  return all;
}

function body(path, method, operation) {
  const inside = make("div", {}, make("p", { text: operation.description || "" }));
  const fields = (operation.parameters || []).filter((one) => one.in === "path" || one.in === "query").map(field);
  if (method === "GET") {
    inside.append(form(path, operation, fields));
  } else {
    inside.append(make("p", { text: "This changes something or takes a body, so it is asked with a client:" }));
    inside.append(make("pre", { text: curl(method, path) }));
  }
  inside.append(answers(operation));
  return inside;
}

function field(parameter) {
  const kind = parameter.schema || {};
  const choices = kind.enum || (kind.oneOf || kind.anyOf || []).flatMap((one) => one.enum || []);
  const several = JSON.stringify(kind).includes('"array"');
  let input;
  if (choices.length && !several) {
    input = make("select", {}, make("option", { value: "", text: "" }), ...choices.map((one) => make("option", { value: one, text: one })));
  } else if (several) {
    input = make("textarea", { rows: "1", placeholder: "one in each line" });
  } else {
    input = make("input", { placeholder: parameter.example === undefined ? "" : `like ${parameter.example}` });
  }
  if (parameter.required) input.required = true;
  const label = make("label", { class: "field" }, make("code", { text: parameter.name + (parameter.required ? " *" : "") }), input);
  label.append(make("small", { text: parameter.description || "" }));
  return { parameter, input, several, label };
}

function form(path, operation, fields) {
  const send = make("button", { text: "Send" });
  const stop = make("button", { text: "Stop", type: "button", hidden: "" });
  const asked = make("pre", { "aria-label": "the same with curl" });
  const told = make("pre", { tabindex: "0", role: "status", hidden: "" });
  const all = make("form", {}, ...fields.map((one) => one.label), send, " ", stop, asked, told);
  const address = () => filled(path, fields);
  const refresh = () => (asked.textContent = curl("GET", address()));
  all.addEventListener("input", refresh);
  refresh();
  all.addEventListener("submit", async (event) => {
    event.preventDefault();
    const leaving = new AbortController();
    stop.hidden = told.hidden = false;
    stop.onclick = () => leaving.abort();
    await ask(address(), leaving.signal, told);
    stop.hidden = true;
    told.focus();
  });
  return all;
}

function filled(path, fields) {
  const query = new URLSearchParams();
  for (const { parameter, input, several } of fields) {
    const given = several ? input.value.split("\n").map((one) => one.trim()).filter(Boolean) : [input.value].filter(Boolean);
    if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(given[0] || ""));
    else given.forEach((one) => query.append(parameter.name, one));
  }
  return query.size ? `${path}?${query}` : path;
}

async function ask(address, signal, told) {
  const began = performance.now();
  told.textContent = `GET ${address}`;
  try {
    const answer = await fetch(address, { headers: headers(), signal, cache: "no-store" });
    const took = Math.round(performance.now() - began);
    const head = `${answer.status} ${answer.statusText}, after ${took} ms\n${[...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n")}\n\n`;
    const isJson = /json/.test(answer.headers.get("content-type") || "");
    let text = "";
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      text += piece.value;
      if (text.length > LONGEST * 5) break;
      if (!isJson) told.textContent = head + text.slice(-LONGEST);
    }
    reader.cancel();
    told.textContent = head + cut(isJson ? pretty(text) : text);
  } catch (error) {
    told.textContent += signal.aborted ? "\n(stopped)" : `\n${error.message}`;
  }
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function cut(text) {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}\n(${text.length - LONGEST} characters more)` : text;
}

function answers(operation) {
  const all = make("div", {}, make("h3", { text: "Answers" }));
  for (const [status, answer] of Object.entries(operation.responses)) {
    const content = Object.entries(answer.content || {})[0];
    const line = make("details", {}, make("summary", { text: `${status} ${answer.description}${content ? ` (${content[0]})` : ""}` }));
    const examples = content ? [content[1].example, ...Object.values(content[1].examples || {}).map((one) => one.value)] : [];
    for (const one of examples.filter((example) => example !== undefined))
      line.append(make("pre", { text: typeof one === "string" ? one : JSON.stringify(one, null, 2) }));
    all.append(line);
  }
  return all;
}

function curl(method, address) {
  const word = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
  const token = byId("token").value ? " -H \"Authorization: Bearer $TOKEN\"" : "";
  return `curl${method === "GET" ? "" : ` -X ${method}`}${token} ${word(location.origin + address)}`;
}

function filter() {
  const words = byId("find").value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const one of document.querySelectorAll("details[data-words]"))
    one.hidden = !words.every((word) => one.dataset.words.includes(word));
  for (const section of document.querySelectorAll("section"))
    section.hidden = !section.querySelector("details[data-words]:not([hidden])");
}

byId("who").addEventListener("submit", (event) => {
  event.preventDefault();
  load();
});
byId("find").addEventListener("input", filter);
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) {
    event.preventDefault();
    byId("find").focus();
  }
});
load();
