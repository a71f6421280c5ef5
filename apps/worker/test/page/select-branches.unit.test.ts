import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  facets,
  readAddress,
  sorts,
  start,
  views,
  writeAddress,
  type Address,
} from "../../src/page/client/address.ts";
import { countFacets, entryOf, selectBranches } from "../../src/page/client/select-branches.ts";
import type { BranchRow } from "../../src/status/status-schema.ts";

const at = (minute: number): string => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();

function row(branch: string, given: Partial<BranchRow> = {}): BranchRow {
  return {
    id: branch,
    repository: "handbook",
    branch,
    class: "draft",
    state: "ready",
    owner: null,
    wanted: { commit: "a".repeat(40), at: at(0) },
    served: null,
    behindSince: null,
    pinned: null,
    retryAt: null,
    attempts: 0,
    builder: null,
    error: null,
    warnings: 0,
    audit: null,
    deletedAt: null,
    activity: { since: null, published: 0, failed: 0, parked: 0, lastType: null, lastAt: at(0) },
    ...given,
  };
}

const failure = {
  code: "CONTENT_INVALID",
  message: "1 error",
  commit: null,
  at: null,
  issues: 1,
  first: {
    path: "pages/Pricing.md",
    line: 3,
    column: 8,
    code: "schema",
    message: "expected string",
    severity: "error" as const,
  },
};

const rows = [
  row("drafts/old", {
    activity: { since: null, published: 1, failed: 0, parked: 0, lastType: null, lastAt: at(1) },
  }),
  row("drafts/new", {
    activity: { since: null, published: 1, failed: 0, parked: 0, lastType: null, lastAt: at(9) },
  }),
  row("main", { class: "live" }),
  row("drafts/bad", { state: "error", error: failure, behindSince: at(5) }),
  row("drafts/slow", { state: "pending", behindSince: at(2) }),
  row("drafts/gone", { state: "deleted", deletedAt: at(3) }),
  row("drafts/back", { pinned: { at: at(2), latest: null } }),
  row("drafts/drift", { audit: { at: at(1), differences: 2 } }),
];

function names(given: Partial<Address> = {}): string[] {
  return selectBranches(rows.map(entryOf), { ...start, ...given }).map(({ branch }) => branch);
}

describe("the branches that an address asks for", () => {
  it("begin with what somebody has to look at, then live ones, then what is behind", () => {
    expect(names()).toEqual([
      "drafts/bad",
      "drafts/drift",
      "main",
      "drafts/slow",
      "drafts/new",
      "drafts/old",
      "drafts/back",
    ]);
  });

  it("are those of a facet, and every facet counts what it shows", () => {
    expect(names({ facet: "deleted" })).toEqual(["drafts/gone"]);
    expect(names({ facet: "attention" })).toEqual(["drafts/bad", "drafts/drift"]);
    expect(names({ facet: "pinned" })).toEqual(["drafts/back"]);
    const counts = countFacets(rows.map(entryOf));
    for (const facet of facets) expect(counts[facet], facet).toBe(names({ facet }).length);
  });

  it("have every word of a search somewhere: name, repository, error, place, in any case", () => {
    expect(names({ search: "PRICING expected" })).toEqual(["drafts/bad"]);
    expect(names({ search: "handbook slow" })).toEqual(["drafts/slow"]);
    expect(names({ search: "handbook nothing" })).toEqual([]);
    expect(names({ search: "(" })).toEqual([]);
    expect(names({ repository: "website" })).toEqual([]);
  });

  it("are ordered as asked", () => {
    expect(names({ sort: "changed" })[0]).toBe("drafts/new");
    expect(names({ sort: "behind" }).slice(0, 2)).toEqual(["drafts/slow", "drafts/bad"]);
    expect(names({ sort: "branch" })).toEqual(names().toSorted());
  });
});

describe("an address", () => {
  it("is read as it was written, whatever names are in it", () => {
    const text = fc.string({ unit: "grapheme" });
    const address: fc.Arbitrary<Address> = fc.record({
      view: fc.constantFrom(...views),
      search: text,
      facet: fc.constantFrom(...facets),
      repository: text,
      sort: fc.constantFrom(...sorts),
      selected: fc.option(fc.record({ repository: text, branch: text }), { nil: undefined }),
    });
    fc.assert(
      fc.property(address, (given) => {
        expect(readAddress(writeAddress(given))).toEqual(given);
      }),
    );
  });

  it("that nobody wrote shows everything", () => {
    fc.assert(
      fc.property(fc.webQueryParameters(), (query) => {
        const { view, facet, sort } = readAddress(`?${query}`);
        expect([views.includes(view), facets.includes(facet), sorts.includes(sort)]).toEqual([
          true,
          true,
          true,
        ]);
      }),
    );
    expect(readAddress("?view=none&show=none&sort=none")).toEqual(start);
  });
});
