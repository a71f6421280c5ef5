import { locate } from "./locate.ts";

/** Stands for the host where a forge names only its project and repository. */
const ANY_HOST = "*";

export interface RegisteredRepository {
  readonly name: string;
  readonly url: string;
}

/**
 * The location of a repository of which only project and name are known, as in older Bitbucket Data Center's payloads.
 * It fits the addresses that such a server gives: https below `/scm/`, and ssh on a port of its own.
 */
export function locateAnywhere(project: string, name: string): string | undefined {
  return locate(`https://any/${project}/${name}`)?.replace(/^any/, ANY_HOST);
}

/**
 * Finds repositories by location. Forges ignore the case of paths, other servers do not: where a path fits exactly,
 * those that differ in case are left out.
 */
export function repositoryMatcher(
  repositories: readonly RegisteredRepository[],
): (locations: readonly string[]) => string[] {
  const exact = new Map<string, string[]>();
  const folded = new Map<string, string[]>();
  for (const { name, url } of repositories) {
    for (const location of locationsOf(url)) {
      add(exact, location, name);
      add(folded, location.toLowerCase(), name);
    }
  }
  return (locations) => {
    const names = locations.flatMap((location) => exact.get(location) ?? []);
    const found =
      names.length > 0 ? names : locations.flatMap((location) => folded.get(location.toLowerCase()) ?? []);
    return [...new Set(found)].toSorted();
  };
}

function locationsOf(url: string): string[] {
  const location = locate(url);
  if (location === undefined) return [];
  const pattern = /^ssh:/i.test(url) ? /^[^/]*:\d+\/(.*)$/ : /^[^/]*\/(?:.*\/)?scm\/(.*)$/;
  const ofDataCenter = pattern.exec(location)?.[1];
  return ofDataCenter === undefined ? [location] : [location, `${ANY_HOST}/${ofDataCenter}`];
}

function add(map: Map<string, string[]>, key: string, name: string): void {
  const names = map.get(key);
  if (names === undefined) map.set(key, [name]);
  else names.push(name);
}
