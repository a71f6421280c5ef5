/** Where the numbered steps lie: beside `src` in a checkout and beside `dist` in the published package. */
export const migrations = new URL("../migrations/", import.meta.url);
