import { buildDatabase } from "./build-database.ts";

const defaultEvents = 205_000;

const url = process.env["DATABASE_URL"];
const events = Number(process.env["CANVASES_EVENTS"] ?? defaultEvents);
if (url === undefined || !Number.isSafeInteger(events) || events < 1) {
  console.error(
    "set DATABASE_URL to an empty database, and CANVASES_EVENTS to a number of events or not at all",
  );
  process.exit(2);
}
await buildDatabase(url, { events, report: (detail) => console.log(detail) });
