import type { App } from "./app.ts";
import { confirmation, tokenQuestion } from "./dialogs.ts";
import { h } from "./element.ts";
import { toast } from "./toast.ts";

/** Where the token is kept: for this tab, until it is closed. */
const KEPT_AS = "headstart-worker-token";

export interface Ask {
  /** Its name in `POST /actions/<name>`. */
  readonly action: string;
  readonly request: Readonly<Record<string, unknown>>;
  /** Asked before it is done, when it changes what readers see or what is kept. */
  readonly confirm?: {
    readonly title: string;
    readonly text: string;
    readonly yes: string;
    readonly reason?: boolean;
  };
}

export function recallToken(app: App): void {
  app.token = sessionStorage.getItem(KEPT_AS) ?? undefined;
}

/** Asks for the token until it is right or nobody wants to give it; then actions are shown. */
export async function unlock(app: App): Promise<boolean> {
  const token = await tokenQuestion(async (given) => {
    const answer = await post("check", {}, given);
    return answer.done ? undefined : answer.message;
  });
  if (token === undefined) return false;
  sessionStorage.setItem(KEPT_AS, token);
  app.token = token;
  app.changed();
  toast("Actions are unlocked in this tab.", "done");
  return true;
}

export function lock(app: App): void {
  sessionStorage.removeItem(KEPT_AS);
  app.token = undefined;
  app.changed();
  toast("Actions are locked.", "done");
}

/** Does what is asked, after a confirmation where one is due, and says what happened. */
export async function perform(app: App, { action, request, confirm }: Ask): Promise<boolean> {
  if (app.token === undefined && !(await unlock(app))) return false;
  let reason: string | undefined;
  if (confirm !== undefined) {
    const answer = await confirmation(confirm);
    if (answer === undefined) return false;
    reason = answer.reason;
  }
  const given = reason === undefined || reason === "" ? request : { ...request, reason };
  const { done, message, status } = await post(action, given, app.token ?? "");
  if (status === 401) lock(app);
  toast(message, done ? "done" : "failed");
  return done;
}

/** A button that does it. Shown only to whoever unlocked the actions. */
export function actionButton(
  app: App,
  words: string,
  ask: Ask,
  { class: names, label }: { class?: string; label?: string } = {},
): HTMLButtonElement {
  const button = h(
    "button",
    {
      type: "button",
      class: `action ${names ?? ""}`.trim(),
      "aria-label": label,
      on: {
        click: () => {
          button.disabled = true;
          void perform(app, ask).finally(() => (button.disabled = false));
        },
      },
    },
    words,
  );
  return button;
}

interface Answer {
  readonly done: boolean;
  readonly status: number;
  readonly message: string;
}

async function post(action: string, request: unknown, token: string): Promise<Answer> {
  try {
    const response = await fetch(`actions/${action}`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: JSON.stringify(request),
    });
    const body = (await response.json().catch(() => ({}))) as {
      message?: string;
      error?: { message: string; hint?: string };
    };
    const { status, ok } = response;
    const said = ok ? body.message : [body.error?.message, body.error?.hint].filter(Boolean).join(" ");
    return { done: ok, status, message: said || `The server answered ${status}.` };
  } catch {
    return { done: false, status: 0, message: "The worker does not answer. Nothing was asked of it." };
  }
}
