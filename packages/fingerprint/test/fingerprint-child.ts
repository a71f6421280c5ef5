import { fingerprint } from "../src/fingerprint.ts";

const [path = "", uid] = process.argv.slice(2);
if (uid !== undefined && process.getuid?.() === 0) process.setuid?.(Number(uid));
try {
  process.stdout.write((await fingerprint({ roots: { r: path } })).digest);
} catch (error) {
  process.stdout.write(String((error as { code?: unknown }).code));
}
