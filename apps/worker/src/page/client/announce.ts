import type { Totals } from "../../status/status-schema.ts";
import { byId, plural } from "./element.ts";

/** The shortest time between two announcements, in milliseconds: a screen reader is to tell, not to flood. */
const REST_MS = 15_000;

/** Tells a screen reader when the number of failing branches changes, or when all are in sync again. */
export function announcer(): (totals: Totals | undefined) => void {
  let told: string | undefined;
  let wanted: string | undefined;
  let timer: number | undefined;
  const tell = (): void => {
    timer = undefined;
    if (wanted === told || wanted === undefined) return;
    byId("announcement").textContent = wanted;
    told = wanted;
    timer = setTimeout(tell, REST_MS);
  };
  return (totals) => {
    if (totals === undefined) return;
    wanted = summaryOf(totals);
    if (told === undefined) {
      // What was so when the page was opened is read with the page.
      told = wanted;
      return;
    }
    if (timer === undefined) tell();
  };
}

function summaryOf({ states, branches, queue }: Totals): string {
  const failing = states.error + states.parked;
  if (failing > 0) return `${plural(failing, "branch fails", "branches fail")}.`;
  return queue === 0 ? `All ${plural(branches, "branch is", "branches are")} in sync.` : "Nothing fails.";
}
