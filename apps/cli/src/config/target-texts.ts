/** For each target of a configuration the text of each key that its fingerprint is made of. */
export type TargetTexts = Readonly<Record<string, TargetText>>;

export type TargetText = Readonly<Record<string, string>>;

const keys = ["version", "inputs", "environment", "build", "strip", "require"];

/** Makes what a configuration evaluated to comparable with another evaluation, in this thread or in another. */
export function targetTexts(value: unknown): TargetTexts {
  const targets = entriesOf(entriesOf(value)["targets"]);
  return Object.fromEntries(
    Object.entries(targets).map(([name, target]) => {
      const given = entriesOf(target);
      return [name, Object.fromEntries(keys.map((key) => [key, textOf(given[key])]))];
    }),
  );
}

/** The first key that counts and is not the same in both. */
export function differingKey(one: TargetText, other: TargetText): string | undefined {
  return keys.find((key) => one[key] !== other[key]);
}

function entriesOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function textOf(value: unknown): string {
  const replace = (_key: string, inner: unknown): unknown =>
    typeof inner === "function" || typeof inner === "bigint" ? String(inner) : inner;
  return JSON.stringify(value, replace) ?? "";
}
