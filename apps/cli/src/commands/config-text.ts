export interface ConfigTextOptions {
  readonly target: string;
  /** Paths that were recognised. */
  readonly inputs: readonly string[];
  readonly command: readonly string[] | undefined;
}

/** A configuration to be read: every key that most projects need, with what it means. */
export function configText({ target, inputs, command }: ConfigTextOptions): string {
  const listed = inputs.map((path) => `${key(inputName(path))}: ${JSON.stringify(path)},`);
  const todo = [
    '// Nothing was recognised: name the folders or files. "migrations" is an example.',
    'migrations: "migrations",',
  ];
  const build = command ?? ["node", "build-database.js"];
  const buildNote =
    command === undefined
      ? "// Nothing was recognised: write the command that fills the database. It runs without a shell, in this folder."
      : "// Runs without a shell, in this folder.";
  return `import { defineConfig } from "@headstart/cli";

export default defineConfig({
  // Without \`server.url\` and DATABASE_URL a server of our own is started from the Postgres on this machine.
  targets: {
    ${key(target)}: {
      // Change it to throw away what was made before.
      version: 1,

      // Everything that the database is made from: migrations, seeds, and the program that loads them. A change
      // in any of these files makes the database anew. Or: { path, include, exclude, gitignore, eol }.
      inputs: {
        ${(listed.length > 0 ? listed : todo).join("\n        ")}
      },

      // Variables that the build sees. Their values count as inputs; all others are kept from it.
      environment: [],

      // Fills the empty database that DATABASE_URL, PGHOST, … lead to. Or a function: async ({ url }) => { … }
      ${buildNote}
      build: { command: ${JSON.stringify(build).replaceAll(",", ", ")} },

      // What must be there when the build says that it is done, for example { table: "events", rows: 1000 }.
      require: [],

      // What is left out of the committed snapshot, for example { truncate: "jobs" }.
      strip: [],

      // Where \`headstart prepare --update-snapshot\` saves a snapshot to commit. Remove it to have none.
      snapshot: { directory: "snapshots" },
    },
  },
});
`;
}

/** `db/migrations` as the name of an input: it may hold no slash. */
function inputName(path: string): string {
  return path.replaceAll("/", "-").replace(/\.[a-z]+$/, "");
}

function key(name: string): string {
  return /^[a-z_]\w*$/i.test(name) ? name : JSON.stringify(name);
}
