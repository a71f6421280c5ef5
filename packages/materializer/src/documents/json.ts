/** What JSON, and so `jsonb`, can hold. Numbers are finite, strings well-formed and without U+0000. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Where a value is inside a document: keys of objects and indexes of arrays, from the root. */
export type KeyPath = readonly (string | number)[];
