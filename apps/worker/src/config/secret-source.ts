import { z } from "zod";

const expected =
  'expected { env: "NAME" } or { file: "/path" }: secrets are never written in the file itself';

/** Where a secret comes from; never the secret. A file's last line break does not count. */
export const secretSource = z.union(
  [
    z.strictObject({
      env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "expected the name of a variable"),
    }),
    z.strictObject({ file: z.string().min(1, "expected a path") }),
  ],
  { error: expected },
);
export type SecretSource = z.output<typeof secretSource>;
