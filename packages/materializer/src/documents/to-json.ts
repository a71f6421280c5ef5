import type { Json, KeyPath } from "./json.ts";
import { describePath } from "./source-node.ts";
import { unstorableCharacter } from "./storable.ts";

/** A value that JSON, or `jsonb`, cannot hold. */
export class NotJsonError extends Error {
  readonly path: KeyPath;

  constructor(path: KeyPath, what: string) {
    super(`${describePath(path)} is ${what}, which cannot be stored as JSON`);
    this.path = path;
  }
}

const deepest = 1000;

/** A copy of `value` as plain JSON. Keys that are undefined are left out, as `JSON.stringify` leaves them out. */
export function toJson(value: unknown): Json {
  return copy(value, []);
}

function copy(value: unknown, path: (string | number)[]): Json {
  switch (typeof value) {
    case "string":
      checkText(value, path);
      return value;
    case "boolean":
      return value;
    case "number":
      if (!Number.isFinite(value)) {
        throw new NotJsonError([...path], String(value));
      }
      return value + 0;
    case "object":
      return value === null ? null : copyContainer(value, path);
    default:
      throw new NotJsonError([...path], value === undefined ? "undefined" : `a ${typeof value}`);
  }
}

function copyContainer(value: object, path: (string | number)[]): Json {
  if (path.length > deepest) {
    throw new NotJsonError(path.slice(0, 3), `nested more than ${deepest} deep, or inside itself`);
  }
  if (Array.isArray(value)) {
    return Array.from(value, (item: unknown, index) => within(path, index, () => copy(item, path)));
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    const name = value.constructor?.name;
    throw new NotJsonError(
      [...path],
      typeof name === "string" && name !== "" ? `a ${name}` : "no plain object",
    );
  }
  const result: { [key: string]: Json } = {};
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined) {
      within(path, key, () => {
        checkText(key, path);
        if (key === "__proto__") {
          throw new NotJsonError([...path], "a key that programs take for an object's class");
        }
        result[key] = copy(item, path);
      });
    }
  }
  return result;
}

function within<T>(path: (string | number)[], step: string | number, run: () => T): T {
  path.push(step);
  const result = run();
  path.pop();
  return result;
}

function checkText(text: string, path: KeyPath): void {
  const character = unstorableCharacter(text);
  if (character !== undefined) {
    throw new NotJsonError([...path], `a text with ${character}`);
  }
}
