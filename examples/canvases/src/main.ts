import pg from "pg";
import { createHttpServer } from "./http-server.ts";

const url = process.env["DATABASE_URL"];
if (url === undefined) {
  console.error("set DATABASE_URL to a canvases database; `headstart clone canvases` makes one");
  process.exit(2);
}
const pool = new pg.Pool({ connectionString: url });
const server = createHttpServer(pool);
server.listen(Number(process.env["PORT"] ?? 8080), "127.0.0.1", () => {
  console.log("canvases listens", server.address());
});
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => server.close(() => void pool.end()));
}
