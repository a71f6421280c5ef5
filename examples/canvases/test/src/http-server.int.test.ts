import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createHttpServer } from "../../src/http-server.ts";
import { openCanvases, type Canvases } from "../open-canvases.ts";

let canvases: Canvases;
let address: string;
let close: () => Promise<void>;
beforeAll(async () => {
  canvases = await openCanvases();
  const server = createHttpServer(canvases.db).listen(0, "127.0.0.1");
  await once(server, "listening");
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  close = async () => {
    server.close();
    await once(server, "close");
  };
});
afterAll(async () => {
  await close();
  await canvases[Symbol.asyncDispose]();
});

async function get(path: string): Promise<{ status: number; value: unknown }> {
  const response = await fetch(address + path, { headers: { connection: "close" } });
  return { status: response.status, value: await response.json() };
}

/** Asks for a path exactly as it is written, which `fetch` would mend. */
async function getVerbatim(path: string): Promise<number | undefined> {
  const { hostname, port } = new URL(address);
  const asked = request({ hostname, port, path, agent: false }).end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}

test("serves canvases, runs, days, words and look-alikes", async () => {
  expect(await get("/runs")).toMatchObject({ status: 200, value: { length: 10 } });
  const { value } = await get("/search?q=keyboard");
  expect(value).toMatchObject({ match: "words" });
  expect(await get("/canvases/harbor")).toMatchObject({ status: 200, value: { title: "Harbor overview" } });
  const { rows } = await canvases.db.query<{ name: string }>(
    "select full_name as name from repository limit 1",
  );
  const name = rows[0]?.name ?? "";
  expect(await get(`/canvases/${name}`)).toMatchObject({ status: 200, value: { title: name } });
  expect(await get(`/activity/${name}`)).toMatchObject({ status: 200, value: { length: 14 } });
  expect(await get("/similar/issue/100/1")).toMatchObject({ status: 200 });
});

test("answers 404 where there is nothing", async () => {
  expect(await get("/canvases/atlantis")).toEqual({
    status: 404,
    value: { error: 'nothing at "/canvases/atlantis"' },
  });
  expect((await get("/")).status).toBe(404);
});

test.each(["/%", "/canvases/%E0%A4", "//", "//[", "http://"])(
  "answers 400 to %s, which is no address, and goes on",
  async (path) => {
    expect(await getVerbatim(path)).toBe(400);
    expect((await get("/runs")).status).toBe(200);
  },
);

test("answers 500 in words when the database refuses, and goes on", async () => {
  expect(await get("/search?q=%00")).toMatchObject({
    status: 500,
    value: { error: expect.any(String) as string },
  });
  expect((await get("/runs")).status).toBe(200);
});
