import type {
  BranchRow,
  Collections,
  DeliveryRow,
  RepositoryRow,
  Singles,
  Status,
  StatusChange,
  WorkerRow,
} from "../../status/status-schema.ts";
import { readAddress, writeAddress, type Address } from "./address.ts";
import { entryOf, type Entry } from "./select-branches.ts";

export type Link = "connecting" | "live" | "lost";

/** What the page knows and what it shows of it. Whoever changes it says so by `changed`, and is drawn soon after. */
export class App {
  readonly branches = new Map<string, Entry>();
  readonly repositories = new Map<string, RepositoryRow>();
  readonly workers = new Map<string, WorkerRow>();
  readonly deliveries = new Map<string, DeliveryRow>();
  singles: Singles | undefined;
  worker = "";
  actions = false;
  /** The bearer's token, when the page was unlocked. */
  token: string | undefined;
  link: Link = "connecting";
  /** When something last came from the server, as it told the time. */
  heardAt: string | undefined;
  address: Address = readAddress(location.search);
  /** Counts changes of the branches, so that lists know when to select again. */
  branchesRevision = 0;
  readonly #draw: () => void;
  #scheduled = false;

  constructor(draw: () => void) {
    this.#draw = draw;
  }

  get loaded(): boolean {
    return this.singles?.health.loaded === true;
  }

  branchNamed(repository: string, branch: string): BranchRow | undefined {
    for (const { row } of this.branches.values()) {
      if (row.repository === repository && row.branch === branch) return row;
    }
    return undefined;
  }

  take(status: Status): void {
    const { worker, actions, health, totals, hours, latest } = status;
    this.worker = worker;
    this.actions = actions;
    this.singles = { health, totals, hours, latest };
    for (const rows of [this.branches, this.repositories, this.workers, this.deliveries]) rows.clear();
    for (const row of status.branches) this.branches.set(row.id, entryOf(row));
    for (const row of status.repositories) this.repositories.set(row.id, row);
    for (const row of status.workers) this.workers.set(row.id, row);
    for (const row of status.deliveries) this.deliveries.set(row.id, row);
    this.branchesRevision += 1;
    this.changed();
  }

  merge(change: StatusChange): void {
    const { branches, repositories, workers, deliveries, id: _, ...singles } = change;
    if (this.singles !== undefined) this.singles = { ...this.singles, ...singles };
    if (branches !== undefined) {
      for (const row of branches.set) this.branches.set(row.id, entryOf(row));
      for (const id of branches.gone) this.branches.delete(id);
      this.branchesRevision += 1;
    }
    mergeRows(this.repositories, repositories);
    mergeRows(this.workers, workers);
    mergeRows(this.deliveries, deliveries);
    this.changed();
  }

  /** Shows something else. A step that one can go back from, unless it `replace`s the one before. */
  go(to: Partial<Address>, { replace = false }: { replace?: boolean } = {}): void {
    this.address = { ...this.address, ...to };
    const url = writeAddress(this.address);
    if (replace) history.replaceState(null, "", url);
    else history.pushState(null, "", url);
    this.changed();
  }

  /** The browser went back or forward. */
  readAddress(): void {
    this.address = readAddress(location.search);
    this.changed();
  }

  changed(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const draw = (): void => {
      this.#scheduled = false;
      this.#draw();
    };
    // A hidden page gets no frames, and its title is to be right all the same.
    if (document.hidden) setTimeout(draw, 250);
    else requestAnimationFrame(draw);
  }
}

function mergeRows<Kind extends "repositories" | "workers" | "deliveries">(
  rows: Map<string, Collections[Kind]>,
  change: StatusChange[Kind],
): void {
  for (const row of change?.set ?? []) rows.set(row.id, row as Collections[Kind]);
  for (const id of change?.gone ?? []) rows.delete(id);
}
