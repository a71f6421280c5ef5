export type Child = Node | string | null | undefined | false;

type Listeners = {
  readonly [Type in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[Type]) => void;
};

/** Attributes by name; false, null and undefined leave one out. `on` listens to events. */
export type Properties = Readonly<
  Record<string, string | number | boolean | null | undefined | Listeners>
> & {
  readonly on?: Listeners;
};

/** An element. Whatever comes from outside gets in as text or as an attribute's value, never as markup. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Properties = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === false || value === undefined || value === null) continue;
    if (typeof value === "object") {
      for (const [type, listener] of Object.entries(value)) {
        element.addEventListener(type, listener as EventListener);
      }
    } else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A name from a repository: its direction stays its own, so that it cannot reorder what stands beside it. */
export function named(text: string, properties: Properties = {}): HTMLElement {
  return h("bdi", properties, text);
}

/** A sign of the sprite in the page. */
export function icon(name: string, names = ""): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", `icon ${names}`.trim());
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** The page's own element of this id. */
export function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

/** Redrawing takes an element away from under the keyboard: the one in its place gets the focus. */
export function keepFocus(place: HTMLElement): () => void {
  const { activeElement } = document;
  if (!(activeElement instanceof HTMLElement) || !place.contains(activeElement)) return () => undefined;
  const all = (): HTMLElement[] => [...place.querySelectorAll<HTMLElement>("a, button, input, summary")];
  const index = all().indexOf(activeElement);
  return () => all()[index]?.focus({ preventScroll: true });
}
