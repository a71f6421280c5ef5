import { mirroredPrefix } from "./fetch-refs.ts";
import type { Generation } from "./generations.ts";
import { localGit } from "./local-git.ts";
import { locally, remotely, type Place } from "./place.ts";
import { RefListingReader, type RefListing } from "./ref-listing.ts";
import { streamGit } from "./run-git.ts";
import { splitRecords } from "./split-records.ts";

/**
 * Asks the remote for all branches and the default one in one answer, so that the two belong together.
 *
 * @throws GitError
 */
export async function listRemoteRefs(place: Place, signal?: AbortSignal): Promise<RefListing> {
  const listing = new RefListingReader("refs/heads/", place.limits);
  const args = ["ls-remote", "--symref", "--end-of-options", place.url, "HEAD", "refs/heads/*"];
  for await (const lines of splitRecords(streamGit(args, remotely(place, undefined, signal)), 10)) {
    for (const line of lines) listing.add(line.toString("utf8"));
  }
  return listing.finish();
}

/** @throws GitError */
export async function listMirroredRefs(
  place: Place,
  generation: Generation,
  signal?: AbortSignal,
): Promise<RefListing> {
  const listing = new RefListingReader(mirroredPrefix, place.limits);
  const args = ["for-each-ref", "--format=%(objectname) %(refname)", mirroredPrefix];
  const lines = await localGit(args, { ...locally(place, generation, signal), directory: place.home.empty });
  for (const line of lines.split("\n")) if (line !== "") listing.add(line);
  return listing.finish(generation.objectFormat);
}
