import { h } from "./element.ts";

/** Shows a dialog until it is closed, and gives the focus back. @returns its return value; empty when it was left. */
async function ask(dialog: HTMLDialogElement): Promise<string> {
  const before = document.activeElement;
  document.body.append(dialog);
  dialog.showModal();
  await new Promise<void>((resolve) => dialog.addEventListener("close", () => resolve(), { once: true }));
  dialog.remove();
  if (before instanceof HTMLElement && before.isConnected) before.focus();
  return dialog.returnValue;
}

function frame(title: string, ...children: readonly Node[]): HTMLDialogElement {
  const dialog = h(
    "dialog",
    { "aria-labelledby": "dialog-title" },
    h("h2", { id: "dialog-title" }, title),
    ...children,
  );
  // Outside of it, a click means no.
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close("");
  });
  return dialog;
}

function cancelButton(dialog: () => HTMLDialogElement, words = "Cancel"): HTMLElement {
  return h("button", { type: "button", on: { click: () => dialog().close("") } }, words);
}

export async function confirmation({
  title,
  text,
  yes,
  reason: wantsReason = false,
}: {
  readonly title: string;
  readonly text: string;
  readonly yes: string;
  readonly reason?: boolean;
}): Promise<{ reason: string } | undefined> {
  const reason = h("input", { type: "text", maxlength: 500, id: "reason", autocomplete: "off" });
  const dialog: HTMLDialogElement = frame(
    title,
    h("p", {}, text),
    h(
      "form",
      {
        on: {
          submit: (event) => {
            event.preventDefault();
            dialog.close("yes");
          },
        },
      },
      wantsReason && h("label", { for: "reason" }, "Why, for whoever reads the branch's history"),
      wantsReason && reason,
      h(
        "p",
        { class: "buttons" },
        cancelButton(() => dialog),
        h("button", { type: "submit", class: "primary" }, yes),
      ),
    ),
  );
  return (await ask(dialog)) === "yes" ? { reason: reason.value.trim() } : undefined;
}

/** @param check why a token is not right, or undefined when it is. */
export async function tokenQuestion(
  check: (token: string) => Promise<string | undefined>,
): Promise<string | undefined> {
  const field = h("input", { type: "password", id: "token", autocomplete: "off", required: true });
  const refusal = h("p", { class: "refusal", role: "alert" });
  const submit = h("button", { type: "submit", class: "primary" }, "Unlock");
  const dialog: HTMLDialogElement = frame(
    "Unlock actions",
    h(
      "p",
      {},
      "With the worker's token (",
      h("code", {}, "http.token"),
      ") you can order looks and builds, roll back and pause. It is kept in this tab only, and what you do is logged.",
    ),
    h(
      "form",
      {
        on: {
          submit: (event) => {
            event.preventDefault();
            submit.disabled = true;
            void check(field.value).then((why) => {
              submit.disabled = false;
              refusal.textContent = why ?? "";
              if (why === undefined) dialog.close("yes");
              else field.select();
            });
          },
        },
      },
      h("label", { for: "token" }, "Token"),
      field,
      refusal,
      h(
        "p",
        { class: "buttons" },
        cancelButton(() => dialog),
        submit,
      ),
    ),
  );
  return (await ask(dialog)) === "yes" ? field.value : undefined;
}

const keys: readonly (readonly [keys: readonly string[], words: string])[] = [
  [["/"], "Search"],
  [["j", "↓"], "Next branch"],
  [["k", "↑"], "Branch before"],
  [["Enter"], "Open the branch"],
  [["Esc"], "Close what is open, or clear the search"],
  [["1", "…", "5"], "Branches, repositories, workers, deliveries, activity"],
  [["f"], "Only what fails, or all"],
  [["?"], "This list"],
];

let helping = false;

export async function shortcutHelp(): Promise<void> {
  if (helping) return;
  helping = true;
  const dialog: HTMLDialogElement = frame(
    "Keyboard shortcuts",
    h(
      "dl",
      { class: "keys" },
      ...keys.flatMap(([names, words]) => [
        h("dt", {}, ...names.map((name) => (name === "…" ? h("span", {}, " … ") : h("kbd", {}, name)))),
        h("dd", {}, words),
      ]),
    ),
    h(
      "p",
      { class: "buttons" },
      cancelButton(() => dialog, "Close"),
    ),
  );
  await ask(dialog);
  helping = false;
}
