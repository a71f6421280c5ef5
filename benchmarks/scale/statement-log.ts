import pg from "pg";

/** One statement as the server ran it, by auto_explain. */
export interface Statement {
  readonly sql: string;
  readonly ms: number;
  /** Pages of 8 kB that it looked at, found in memory or not. */
  readonly pages: number;
  /** What it spent most on: the plan's nodes that read, with the rows they went through. */
  readonly scans: readonly string[];
}

interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Index Name"?: string;
  readonly "Actual Rows"?: number;
  readonly "Actual Loops"?: number;
  readonly "Rows Removed by Filter"?: number;
  readonly "Shared Hit Blocks"?: number;
  readonly "Shared Read Blocks"?: number;
  readonly Plans?: readonly PlanNode[];
}

export interface StatementLog {
  readonly db: pg.Pool;
  /** The statements since the last call. */
  take(): Statement[];
}

/** A pool whose every statement tells its own plan, times and pages: exactly what the product runs, with its values. */
export function openStatementLog(url: string): StatementLog {
  const seen: Statement[] = [];
  const settings = [
    "session_preload_libraries=auto_explain",
    "auto_explain.log_min_duration=0",
    "auto_explain.log_analyze=on",
    "auto_explain.log_buffers=on",
    "auto_explain.log_timing=off",
    "auto_explain.log_format=json",
    "client_min_messages=log",
    "jit=off",
  ];
  const db = new pg.Pool({
    connectionString: url,
    max: 4,
    options: settings.map((setting) => `-c ${setting}`).join(" "),
  });
  db.on("connect", (client) => {
    client.on("notice", ({ message }) => {
      const found = /^duration: ([\d.]+) ms {2}plan:\n(?<plan>[^]*)$/.exec(message ?? "");
      if (found?.groups?.["plan"] !== undefined) seen.push(read(Number(found[1]), found.groups["plan"]));
    });
  });
  return { db, take: () => seen.splice(0) };
}

function read(ms: number, json: string): Statement {
  const { "Query Text": sql, Plan: plan } = JSON.parse(json) as { "Query Text": string; Plan: PlanNode };
  const scans = nodes(plan)
    .filter((node) => node["Relation Name"] !== undefined && /Scan/.test(node["Node Type"]))
    .map((node) => ({ node, rows: rowsThrough(node) }))
    .toSorted((a, b) => b.rows - a.rows)
    .map(({ node, rows }) => {
      const way = node["Index Name"] ?? node["Node Type"].toLowerCase();
      return `${node["Relation Name"]} by ${way}: ${rows.toLocaleString("en")} rows, ${node["Actual Loops"]} times`;
    });
  const pages = (plan["Shared Hit Blocks"] ?? 0) + (plan["Shared Read Blocks"] ?? 0);
  return { sql: sql.replaceAll(/\s+/g, " ").trim(), ms, pages, scans };
}

function rowsThrough(node: PlanNode): number {
  const rows = (node["Actual Rows"] ?? 0) + (node["Rows Removed by Filter"] ?? 0);
  return Math.round(rows * (node["Actual Loops"] ?? 1));
}

function nodes(plan: PlanNode): PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodes)];
}
