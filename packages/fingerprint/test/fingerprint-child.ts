import { fingerprint } from "../src/fingerprint.ts";

// Prints the digest of a folder, or the code of the error; as another user when one is given.
const [path = "", uid] = process.argv.slice(2);
if (uid !== undefined && process.getuid?.() === 0) process.setuid?.(Number(uid));
try {
  const { digest } = await fingerprint({ roots: { r: path }, cacheFile: process.env["CACHE_FILE"] });
  process.stdout.write(digest);
} catch (error) {
  process.stdout.write(String((error as { code?: unknown }).code));
}
