// htmx, and how it puts what the server sends into a page: morphed, so that focus, selection and
// scrolling stay where they are.
import htmx from "htmx.org";
import { Idiomorph } from "idiomorph";

declare global {
  interface Window {
    htmx: typeof htmx;
  }
}
window.htmx = htmx;

// Nothing of a page is ever evaluated: the Content-Security-Policy forbids it as well.
Object.assign(htmx.config, {
  allowEval: false,
  allowScriptTags: false,
  includeIndicatorStyles: false,
  allowNestedOobSwaps: false,
  historyCacheSize: 0,
  defaultSwapStyle: "outerHTML",
  scrollIntoViewOnBoost: false,
});

/** What scripts of ours have put into the page stays: the server sends it as it was at first. */
function mayMorph(old: Node, fresh: Node): boolean {
  if (!(old instanceof Element) || !(fresh instanceof Element)) return true;
  if (old.isEqualNode(fresh)) return false; // most of a row stays: the browser tells that sooner
  if (old.hasAttribute("data-keep") && fresh.hasAttribute("data-keep")) return false;
  return !(old.localName === "time" && old.getAttribute("datetime") === fresh.getAttribute("datetime"));
}

/** What a viewer unfolded stays so. */
function mayChange(name: string, node: Element): boolean {
  return !(name === "open" && node.localName === "details");
}

htmx.defineExtension("morph", {
  isInlineSwap: (style: string) => style === "morph",
  handleSwap: (style: string, target: Node, fragment: Node) => {
    if (style !== "morph" || !(target instanceof Element)) return false;
    const fresh = (fragment as DocumentFragment).firstElementChild;
    if (fresh === null) return false;
    fresh.removeAttribute("hx-swap-oob");
    return Idiomorph.morph(target, fresh, {
      morphStyle: "outerHTML",
      callbacks: { beforeNodeMorphed: mayMorph, beforeAttributeUpdated: mayChange },
    }) as Element[];
  },
});

interface Request {
  headers: Record<string, string>;
  verb: string;
  formData: FormData;
}

/** What a form leaves empty is no part of an address that people keep and pass on. */
function leaveOutEmpty(form: FormData): void {
  for (const name of new Set(form.keys())) {
    const given = form.getAll(name).filter((value) => value !== "");
    form.delete(name);
    for (const value of given) form.append(name, value);
  }
}

// A change takes the session's token, which only our pages can read.
document.addEventListener("htmx:configRequest", (event) => {
  const { headers, verb, formData } = (event as CustomEvent<Request>).detail;
  const token = document.querySelector<HTMLMetaElement>('meta[name="csrf"]')?.content;
  if (token && verb !== "get") headers["X-CSRF-Token"] = token;
  if (verb === "get") leaveOutEmpty(formData);
});

export default htmx;
