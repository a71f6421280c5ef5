import { h, type Child } from "./element.ts";

export interface Column<Row> {
  readonly name: string;
  readonly words: string;
  readonly cell: (row: Row) => Child | readonly Child[];
}

/** Rows of one table that are drawn at most. */
const SHOWN = 300;

/**
 * A table. On a narrow screen each row is a card; the roles are written out because that takes them from the
 * elements.
 */
export function dataTable<Row extends { readonly id: string }>(
  caption: string,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
): HTMLElement {
  const head = columns.map(({ name, words }) =>
    h("th", { role: "columnheader", scope: "col", class: name }, words),
  );
  const body = rows
    .slice(0, SHOWN)
    .map((row) =>
      h(
        "tr",
        { role: "row", "data-id": row.id },
        ...columns.map(({ name, words, cell }) =>
          h("td", { role: "cell", class: name, "data-words": words }, ...[cell(row)].flat()),
        ),
      ),
    );
  return h(
    "div",
    { class: "scroller" },
    h(
      "table",
      { role: "table", class: "data" },
      h("caption", { class: "hidden-text" }, caption),
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ...head)),
      h("tbody", { role: "rowgroup" }, ...body),
    ),
    rows.length > SHOWN && h("p", { class: "muted" }, `The first ${SHOWN} of ${rows.length} are shown.`),
  );
}
