import { createHash } from "node:crypto";
import type { Facts } from "./activity.ts";
import type { Occasion } from "./deliver.ts";
import type { Json, JsonObject } from "./slim-delivery.ts";
import { titleOf } from "./texts.ts";

/** What of an example's body is exchanged: whole values, and of objects only the keys given here. */
export function patchOf(occasion: Occasion): JsonObject {
  return patches[occasion.event]?.(occasion) ?? {};
}

type Patch = (occasion: Occasion) => JsonObject;

const patches: Readonly<Record<string, Patch>> = {
  workflow_run: ({ facts, occurredAt, actor, repository }) => ({
    workflow: { name: fact(facts, "workflow") },
    workflow_run: {
      id: fact(facts, "run"),
      name: fact(facts, "workflow"),
      run_number: fact(facts, "number"),
      run_attempt: 1,
      event: fact(facts, "trigger"),
      display_title: fact(facts, "title"),
      status: fact(facts, "status"),
      conclusion: fact(facts, "conclusion"),
      head_branch: fact(facts, "branch"),
      head_sha: sha(`run ${facts["run"]}`),
      html_url: `https://github.com/${repository?.fullName}/actions/runs/${facts["run"]}`,
      updated_at: occurredAt,
      actor: identity(actor),
      triggering_actor: identity(actor),
      head_commit: { id: sha(`run ${facts["run"]}`), message: fact(facts, "title") },
      pull_requests: [],
    },
  }),

  workflow_job: ({ facts, occurredAt, repository }) => ({
    workflow_job: {
      id: fact(facts, "job"),
      run_id: fact(facts, "run"),
      name: fact(facts, "name"),
      status: fact(facts, "status"),
      conclusion: fact(facts, "conclusion"),
      runner_name: fact(facts, "runner"),
      head_sha: sha(`run ${facts["run"]}`),
      html_url: `https://github.com/${repository?.fullName}/actions/runs/${facts["run"]}/job/${facts["job"]}`,
      started_at: occurredAt,
      completed_at: facts["conclusion"] === undefined ? null : occurredAt,
    },
  }),

  push: ({ facts, occurredAt, actor, repository }) => {
    const messages = Array.from({ length: Number(facts["commits"]) }, (_, index) => ({
      id: sha(`${repository?.id} ${facts["branch"]} ${occurredAt} ${index}`),
      message: index === 0 ? String(facts["title"]) : "Tidy up",
      timestamp: occurredAt,
      author: { name: actor?.login ?? null, username: actor?.login ?? null },
    }));
    const commits = messages.reverse();
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
    const { facts, occurredAt, actor } = occasion;
    const issue = { ...subject(occasion, "issue"), user: identity(actor), updated_at: occurredAt };
    const closed = occasion.action === "closed";
    const state = { state: closed ? "closed" : "open", closed_at: closed ? occurredAt : null };
    const label = facts["label"] === undefined ? {} : { label: { name: fact(facts, "label") } };
    return { issue: { ...issue, ...state }, ...label };
  },

  issue_comment: (occasion) => ({
    issue: {
      ...subject(occasion, String(occasion.facts["on"])),
      // On a pull request GitHub gives the issue this key, and on an issue it does not.
      pull_request: occasion.facts["on"] === "pull" ? { merged_at: null } : null,
    },
    comment: comment(occasion),
  }),

  pull_request: (occasion) => {
    const closed = occasion.action === "closed";
    return {
      number: fact(occasion.facts, "number"),
      pull_request: {
        ...pullRequest(occasion),
        state: closed ? "closed" : "open",
        merged: closed,
        merged_at: closed ? occasion.occurredAt : null,
      },
    };
  },

  pull_request_review: (occasion) => ({
    pull_request: pullRequest(occasion),
    review: {
      user: identity(occasion.actor),
      state: fact(occasion.facts, "state"),
      body: fact(occasion.facts, "body"),
      submitted_at: occasion.occurredAt,
    },
  }),

  discussion: (occasion) => ({
    discussion: { ...subject(occasion, "discussion"), user: identity(occasion.actor) },
  }),

  discussion_comment: (occasion) => ({
    discussion: subject(occasion, "discussion"),
    comment: comment(occasion),
  }),

  release: ({ facts, occurredAt, actor, repository }) => ({
    release: {
      tag_name: fact(facts, "tag"),
      name: fact(facts, "title"),
      body: fact(facts, "body"),
      html_url: `https://github.com/${repository?.fullName}/releases/tag/${facts["tag"]}`,
      author: identity(actor),
      published_at: occurredAt,
      assets: [],
    },
  }),

  star: ({ action, occurredAt }) => ({ starred_at: action === "created" ? occurredAt : null }),
};

/** An issue, pull request or discussion: its words are a function of its place, whoever speaks of it. */
function subject({ facts, repository }: Occasion, kind: string): JsonObject {
  const place = `${kind}/${repository?.id}/${facts["number"]}`;
  const folder = { issue: "issues", pull: "pull", discussion: "discussions" }[kind] ?? kind;
  return {
    number: fact(facts, "number"),
    title: titleOf(place),
    ...(facts["title"] !== undefined && { body: fact(facts, "body") }),
    html_url: `https://github.com/${repository?.fullName}/${folder}/${facts["number"]}`,
  };
}

function pullRequest(occasion: Occasion): JsonObject {
  const { facts, occurredAt } = occasion;
  const head = { ref: fact(facts, "branch"), sha: sha(`${facts["branch"]} ${occurredAt}`) };
  return { ...subject(occasion, "pull"), head, base: { ref: "main" }, updated_at: occurredAt };
}

function comment({ facts, actor, occurredAt }: Occasion): JsonObject {
  const id = fact(facts, "comment");
  return { id, user: identity(actor), body: fact(facts, "body"), created_at: occurredAt };
}

function identity(actor: Occasion["actor"]): Json {
  return actor ? { id: actor.id, login: actor.login, type: "User" } : null;
}

function fact(facts: Facts, name: string): Json {
  return facts[name] ?? null;
}

function sha(text: string): string {
  return createHash("sha1").update(text).digest("hex");
}
