import { execa } from "execa";

/**
 * `execa` that leaves the signals of this process alone. Its own clean-up ends a child by catching them, and sends
 * them on to this process as soon as nobody else listens, as is so when a `process.once` has just been served:
 * the process would die before it could remove what is half made. Who starts a program here that runs for long
 * ends it on abort, and when this process exits.
 */
export const startProgram = execa({ cleanup: false });
