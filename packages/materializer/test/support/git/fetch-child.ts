import { openMirror, type MirrorOptions } from "../../../src/git/mirror.ts";

/** What a child is asked for, as JSON in its first argument. */
export interface FetchOrder extends Pick<MirrorOptions, "root" | "url"> {
  readonly times: number;
}

const { root, url, times } = JSON.parse(process.argv[2] ?? "{}") as FetchOrder;
await using mirror = await openMirror({ root, url, protocols: ["file", "http"] });
for (let time = 0; time < times; time++) {
  const outcome = await mirror.fetch();
  const { refs } = await mirror.listRefs();
  const present = await mirror.has([...refs.values()]);
  process.stdout.write(
    `${JSON.stringify({ ...outcome, lacking: refs.size - [...refs.values()].filter((oid) => present.has(oid)).length })}\n`,
  );
}
