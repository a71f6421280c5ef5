import { h } from "./element.ts";

/** Characters of a commit that are shown. */
const SHOWN = 8;

/** A commit's short id. Pressing it copies all of it. */
export function commitId(commit: string | null, { label = "commit", focusable = true } = {}): HTMLElement {
  if (commit === null) return h("span", { class: "commit none" }, "none");
  return h(
    "button",
    {
      type: "button",
      class: "commit",
      title: `${commit}\nPress to copy`,
      "aria-label": `Copy ${label} ${commit.slice(0, SHOWN)}`,
      tabindex: focusable ? undefined : -1,
      on: {
        click: (event) => {
          event.stopPropagation();
          void copy(commit, event.currentTarget as HTMLElement);
        },
      },
    },
    commit.slice(0, SHOWN),
  );
}

async function copy(text: string, button: HTMLElement): Promise<void> {
  const copied = await write(text);
  button.dataset["copied"] = copied ? "copied" : "not copied";
  setTimeout(() => delete button.dataset["copied"], 1_200);
}

/** The clipboard is closed to pages that came by plain HTTP; there the old way still works. */
async function write(text: string): Promise<boolean> {
  if (window.isSecureContext) {
    return await navigator.clipboard.writeText(text).then(
      () => true,
      () => false,
    );
  }
  const field = h("textarea", { class: "hidden-text", readonly: true });
  field.value = text;
  const before = document.activeElement;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (before instanceof HTMLElement) before.focus();
  return done;
}
