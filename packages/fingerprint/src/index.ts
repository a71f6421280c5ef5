export {
  fingerprint,
  type Fingerprint,
  type FingerprintOptions,
  type FingerprintProgress,
} from "./fingerprint.ts";
export type { RootInput } from "./walk-root.ts";
export { rootSelects } from "./root-selects.ts";
export { compare, type Difference, type RootDifference } from "./compare.ts";
export {
  digestOf,
  manifestBytes,
  parseManifest,
  type ManifestEntry,
  type ManifestSource,
} from "./manifest.ts";
export { FingerprintError, type FingerprintErrorCode } from "./errors.ts";
