interface Status {
  readonly id: string;
  readonly branches: readonly { readonly activity: { readonly published: number } }[];
}

/** Watches a worker's page as a browser does; resolves once it shows this many branches that were published. */
export async function watchPage(url: string, { branches }: { branches: number }): Promise<AsyncDisposable> {
  const leave = new AbortController();
  const { id } = await readStatus(url);
  const live = await fetch(`${url}/live?since=${encodeURIComponent(id)}`, { signal: leave.signal });
  const read = live.body?.pipeTo(new WritableStream()).catch((error: unknown) => {
    if (!leave.signal.aborted) throw error;
  });
  for (;;) {
    const status = await readStatus(url);
    if (status.branches.filter(({ activity }) => activity.published > 0).length >= branches) break;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  return {
    [Symbol.asyncDispose]: async () => {
      leave.abort();
      await read;
    },
  };
}

async function readStatus(url: string): Promise<Status> {
  const answer = await fetch(`${url}/status`);
  if (!answer.ok) throw new Error(`/status was answered by ${answer.status}`);
  return (await answer.json()) as Status;
}
