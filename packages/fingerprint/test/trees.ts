import fc from "fast-check";

const segment = fc
  .string({ unit: "binary", minLength: 1, maxLength: 8 })
  .filter((name) => !/[/\0]|^\.\.?$|\p{Surrogate}/u.test(name));

/** Contents by path, with names that a file system allows. */
export const trees = fc.dictionary(
  fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/")),
  fc.string({ maxLength: 3 }),
  { maxKeys: 12, noNullPrototype: true },
);
