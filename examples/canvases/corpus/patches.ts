import { createHash } from "node:crypto";
import type { Facts } from "./activity.ts";
import type { Occasion } from "./deliver.ts";
import type { Json, JsonObject } from "./slim-delivery.ts";

/** What of an example's body is exchanged: whole values, and of objects only the keys given here. */
export function patchOf(occasion: Occasion): JsonObject {
  return patches[occasion.event]?.(occasion) ?? {};
}

type Patch = (occasion: Occasion) => JsonObject;

const patches: Readonly<Record<string, Patch>> = {
  workflow_run: ({ stream, facts, occurredAt, actor, repository }) => ({
    workflow: { name: fact(facts, "workflow") },
    workflow_run: {
      id: numberOf(stream),
      name: fact(facts, "workflow"),
      run_number: fact(facts, "number"),
      run_attempt: 1,
      event: fact(facts, "trigger"),
      display_title: fact(facts, "title"),
      status: fact(facts, "status"),
      conclusion: fact(facts, "conclusion"),
      head_branch: fact(facts, "branch"),
      head_sha: sha(stream),
      html_url: `https://github.com/${repository?.fullName}/actions/runs/${numberOf(stream)}`,
      updated_at: occurredAt,
      actor: identity(actor),
      triggering_actor: identity(actor),
      head_commit: { id: sha(stream), message: fact(facts, "title") },
      pull_requests: [],
    },
  }),

  workflow_job: ({ stream, facts, occurredAt, repository }) => ({
    workflow_job: {
      id: idOf(`${stream} ${facts["name"]}`),
      run_id: numberOf(stream),
      name: fact(facts, "name"),
      status: fact(facts, "status"),
      conclusion: fact(facts, "conclusion"),
      runner_name: fact(facts, "runner"),
      head_branch: fact(facts, "branch"),
      head_sha: sha(stream),
      html_url: `https://github.com/${repository?.fullName}/actions/runs/${numberOf(stream)}/job/${idOf(`${stream} ${facts["name"]}`)}`,
      started_at: occurredAt,
      completed_at: facts["conclusion"] === undefined ? null : occurredAt,
    },
  }),

  push: ({ stream, facts, occurredAt, actor }) => {
    const author = { name: actor?.login ?? null, username: actor?.login ?? null };
    const length = Number(facts["commits"]);
    const commits = Array.from({ length }, (_, index) => ({
      id: sha(`${stream} ${facts["branch"]} ${occurredAt} ${index}`),
      message: index === length - 1 ? fact(facts, "title") : "Tidy up",
      timestamp: occurredAt,
      author,
    }));
    const head = commits.at(-1) ?? null;
    const pusher = { name: actor?.login ?? null };
    return {
      ref: `refs/heads/${facts["branch"]}`,
      after: head?.id ?? null,
      commits,
      head_commit: head,
      pusher,
    };
  },

  delete: ({ facts }) => ({ ref: fact(facts, "branch"), ref_type: "branch" }),

  issues: (occasion) => {
    const { facts, occurredAt, action } = occasion;
    const closed = action === "closed";
    const state = { state: closed ? "closed" : "open", closed_at: closed ? occurredAt : null };
    const label = facts["label"] === undefined ? {} : { label: { name: fact(facts, "label") } };
    return { issue: { ...subject(occasion, "issues"), ...state, updated_at: occurredAt }, ...label };
  },

  issue_comment: (occasion) => {
    const onPull = occasion.stream.startsWith("pull/");
    const issue = subject(occasion, onPull ? "pull" : "issues");
    // On a pull request GitHub gives the issue this key, and on an issue it does not.
    return {
      issue: { ...issue, pull_request: onPull ? { merged_at: null } : null },
      comment: comment(occasion),
    };
  },

  pull_request: (occasion) => {
    const closed = occasion.action === "closed";
    const merged = { merged: closed, merged_at: closed ? occasion.occurredAt : null };
    return {
      number: numberOf(occasion.stream),
      pull_request: { ...pullRequest(occasion), state: closed ? "closed" : "open", ...merged },
    };
  },

  pull_request_review: (occasion) => ({
    pull_request: pullRequest(occasion),
    review: {
      user: identity(occasion.actor),
      state: fact(occasion.facts, "state"),
      body: fact(occasion.facts, "reply"),
      submitted_at: occasion.occurredAt,
    },
  }),

  discussion: (occasion) => ({ discussion: subject(occasion, "discussions") }),

  discussion_comment: (occasion) => ({
    discussion: subject(occasion, "discussions"),
    comment: comment(occasion),
  }),

  release: ({ stream, facts, occurredAt, actor, repository }) => ({
    release: {
      tag_name: lastPart(stream),
      name: fact(facts, "title"),
      body: fact(facts, "body"),
      html_url: `https://github.com/${repository?.fullName}/releases/tag/${lastPart(stream)}`,
      author: identity(actor),
      published_at: occurredAt,
      assets: [],
    },
  }),

  star: ({ action, occurredAt }) => ({ starred_at: action === "created" ? occurredAt : null }),
};

/** An issue, pull request or discussion; `folder` is its place in GitHub's addresses. */
function subject({ stream, facts, repository }: Occasion, folder: string): JsonObject {
  return {
    number: numberOf(stream),
    title: fact(facts, "title"),
    body: fact(facts, "body"),
    html_url: `https://github.com/${repository?.fullName}/${folder}/${numberOf(stream)}`,
  };
}

function pullRequest(occasion: Occasion): JsonObject {
  const { stream, facts, occurredAt } = occasion;
  const head = { ref: fact(facts, "branch"), sha: sha(`${stream} ${occurredAt}`) };
  return { ...subject(occasion, "pull"), head, base: { ref: "main" }, updated_at: occurredAt };
}

function comment({ stream, facts, actor, occurredAt }: Occasion): JsonObject {
  const id = idOf(`${stream} ${occurredAt}`);
  return { id, user: identity(actor), body: fact(facts, "reply"), created_at: occurredAt };
}

function numberOf(stream: string): number {
  return Number(lastPart(stream));
}

function lastPart(stream: string): string {
  return stream.slice(stream.lastIndexOf("/") + 1);
}

function identity(actor: Occasion["actor"]): Json {
  return actor ? { id: actor.id, login: actor.login, type: "User" } : null;
}

function fact(facts: Facts, name: string): Json {
  return facts[name] ?? null;
}

/** Jobs and comments need a number, and nobody here needs them to be in order. */
function idOf(text: string): number {
  return Number.parseInt(sha(text).slice(0, 10), 16);
}

function sha(text: string): string {
  return createHash("sha1").update(text).digest("hex");
}
