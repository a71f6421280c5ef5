/** Where the built page lies, seen from `src` in a checkout and from `dist` in the published package alike. */
export const pageFiles = new URL("../dist/page/", import.meta.url);
