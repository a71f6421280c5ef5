import type { Json, KeyPath } from "./json.ts";
import type { Place } from "./line-index.ts";

/**
 * Where every value of a document is written, as text of about four characters a value: it is cached beside the
 * document, so that checks across files can point into a file without reading it again. Values are listed in the
 * order of a walk through the document; each is `column`, or `lines:column` when the line moved, in base 36.
 */
export function encodePlaces(document: Json, placeOf: (path: KeyPath) => Place): string {
  const parts: string[] = [];
  let line = 1;
  walk(document, [], (path) => {
    const place = placeOf(path);
    const moved = place.line === line ? "" : `${(place.line - line).toString(36)}:`;
    parts.push(moved + place.column.toString(36));
    line = place.line;
  });
  return parts.join(" ");
}

/** The place of a value of that same document, or of the nearest value around it. */
export function placeFinder(document: Json, encoded: string): (path: KeyPath) => Place {
  let places: Map<string, Place> | undefined;
  return (path) => {
    places ??= decode(document, encoded);
    for (let length = path.length; length > 0; length--) {
      const place = places.get(JSON.stringify(path.slice(0, length)));
      if (place !== undefined) {
        return place;
      }
    }
    return places.get("[]")!;
  };
}

function decode(document: Json, encoded: string): Map<string, Place> {
  const parts = encoded.split(" ");
  const places = new Map<string, Place>();
  let next = 0;
  let line = 1;
  walk(document, [], (path) => {
    const [moved, column] = parts[next++]!.split(":") as [string, string?];
    line += column === undefined ? 0 : Number.parseInt(moved, 36);
    places.set(JSON.stringify(path), { line, column: Number.parseInt(column ?? moved, 36) });
  });
  return places;
}

function walk(value: Json, path: (string | number)[], visit: (path: KeyPath) => void): void {
  visit(path);
  if (typeof value !== "object" || value === null) {
    return;
  }
  const entries: Iterable<[string | number, Json]> = Array.isArray(value)
    ? value.entries()
    : Object.entries(value);
  for (const [step, child] of entries) {
    path.push(step);
    walk(child, path, visit);
    path.pop();
  }
}
