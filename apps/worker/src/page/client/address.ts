/** What the page's address says: everything that somebody might want to share or go back to. */
export interface Address {
  readonly view: View;
  readonly search: string;
  readonly facet: Facet;
  /** Only this repository's branches. */
  readonly repository: string;
  readonly sort: Sort;
  /** The branch whose details are open. */
  readonly selected: { readonly repository: string; readonly branch: string } | undefined;
}

export const views = ["branches", "repositories", "workers", "deliveries", "activity"] as const;
export type View = (typeof views)[number];
export const facets = [
  "all",
  "attention",
  "behind",
  "current",
  "live",
  "drafts",
  "pinned",
  "deleted",
] as const;
export type Facet = (typeof facets)[number];
export const sorts = ["attention", "branch", "behind", "changed"] as const;
export type Sort = (typeof sorts)[number];

export const start: Address = {
  view: "branches",
  search: "",
  facet: "all",
  repository: "",
  sort: "attention",
  selected: undefined,
};

export function readAddress(query: string): Address {
  const given = new URLSearchParams(query);
  const branch = given.get("branch");
  const repository = given.get("in");
  return {
    view: oneOf(views, given.get("view")) ?? start.view,
    search: given.get("q") ?? "",
    facet: oneOf(facets, given.get("show")) ?? start.facet,
    repository: given.get("repository") ?? "",
    sort: oneOf(sorts, given.get("sort")) ?? start.sort,
    selected: branch === null || repository === null ? undefined : { repository, branch },
  };
}

/** The query of an address: `?` and what differs from the start, so that it can be a link on its own. */
export function writeAddress({ view, search, facet, repository, sort, selected }: Address): string {
  const query = new URLSearchParams();
  if (view !== start.view) query.set("view", view);
  if (search !== "") query.set("q", search);
  if (facet !== start.facet) query.set("show", facet);
  if (repository !== "") query.set("repository", repository);
  if (sort !== start.sort) query.set("sort", sort);
  if (selected !== undefined) {
    query.set("in", selected.repository);
    query.set("branch", selected.branch);
  }
  return `?${query.toString()}`;
}

function oneOf<const Name extends string>(names: readonly Name[], given: string | null): Name | undefined {
  return names.find((name) => name === given);
}
