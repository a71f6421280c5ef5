import { type ByteString, textOf } from "./byte-string.ts";
import { FingerprintError } from "./errors.ts";

/** What it means that a file or folder, which was there a moment ago, cannot be read. */
export function readError(path: ByteString, cause: unknown): FingerprintError {
  const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
  const name = textOf(path);
  if (code === "ENOENT" || code === "ENOTDIR") {
    return new FingerprintError("FILE_UNSETTLED", `"${name}" disappeared while the files were read`, {
      hint: "wait until whatever removed it is done, or exclude it",
      cause,
    });
  }
  if (code === "ENXIO") return specialFile(path);
  return new FingerprintError("FILE_UNREADABLE", `"${name}" cannot be read (${code})`, {
    hint:
      code === "EACCES" || code === "EPERM"
        ? "give yourself the right to read it, or exclude it"
        : "mend what the system reports, or exclude it",
    cause,
  });
}

export function specialFile(path: ByteString): FingerprintError {
  return new FingerprintError("FILE_SPECIAL", `"${textOf(path)}" is neither a file nor a folder`, {
    hint: "exclude it: a pipe, socket or device has no content to compare",
  });
}
