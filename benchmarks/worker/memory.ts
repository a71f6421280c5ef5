import { openCase, type Site } from "./open-case.ts";
import { watchPage } from "./watch-page.ts";

const BRANCHES = [1, 5_000];
const MIB = 1024 * 1024;

/**
 * What a worker holds once everything is served, while somebody watches its page: then it knows all branches. One that
 * nobody watches knows those of its first look.
 */
export async function measureMemory(site: Site): Promise<void> {
  console.log("\n### Memory of a worker\n\n| branches | resident | heap in use |\n|--:|--:|--:|");
  for (const branches of BRANCHES) {
    await using one = await openCase(site, { name: `memory${branches}`, repositories: 1 });
    const names = Array.from({ length: branches - 1 }, (_, n) => `drafts/${n}`);
    if (names.length > 0) await one.repositories[0]?.draft(names);
    await using worker = await one.startWorker();
    await one.served(branches);
    await using _viewer = await watchPage(worker.url, { branches });
    const resident = await worker.metric("process_resident_memory_bytes");
    const heap = await worker.metric("nodejs_heap_size_used_bytes");
    console.log(`| ${branches} | ${(resident / MIB).toFixed(0)} MiB | ${(heap / MIB).toFixed(0)} MiB |`);
  }
}
