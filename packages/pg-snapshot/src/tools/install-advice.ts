/** The command that installs Postgres programs here. */
export function installAdvice(what: "client" | "server", major?: number): string {
  const version = major === undefined ? "" : `-${major}`;
  if (process.platform === "darwin") return `brew install postgresql@${major ?? 17}`;
  if (process.platform === "win32") return "winget install PostgreSQL.PostgreSQL.17";
  return what === "client"
    ? `apt-get install postgresql-client${version} (or dnf install postgresql${major ?? ""})`
    : `apt-get install postgresql${version} (or dnf install postgresql${major ?? ""}-server)`;
}
