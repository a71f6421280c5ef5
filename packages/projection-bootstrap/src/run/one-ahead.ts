/** Asks for the next item while the current one is worked on; there are never more than two at a time. */
export async function* oneAhead<Item>(items: AsyncGenerator<Item>): AsyncGenerator<Item> {
  let next = items.next();
  // A failure shows when the item is asked for; until then it is nobody's unhandled rejection.
  next.catch(() => undefined);
  try {
    for (;;) {
      const { done, value } = await next;
      if (done === true) return;
      next = items.next();
      next.catch(() => undefined);
      yield value;
    }
  } finally {
    await next.catch(() => undefined);
    await items.return(undefined);
  }
}
