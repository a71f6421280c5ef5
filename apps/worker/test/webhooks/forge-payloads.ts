/** Payloads composed from the fields that each forge documents, around one repository: team/handbook. */

const none = "0".repeat(40);
const before = "95790bf891e76fee5e1747ab589903a6a1f80f22";
const after = "da1560886d4f094c3e6c9ef40349f7d38b5d27d7";

const gitlabProject = {
  id: 15,
  name: "Handbook",
  description: "",
  web_url: "https://gitlab.example.org/team/sub/handbook",
  avatar_url: null,
  git_ssh_url: "git@gitlab.example.org:team/sub/handbook.git",
  git_http_url: "https://gitlab.example.org/team/sub/handbook.git",
  namespace: "Sub",
  visibility_level: 0,
  path_with_namespace: "team/sub/handbook",
  default_branch: "main",
  homepage: "https://gitlab.example.org/team/sub/handbook",
  url: "git@gitlab.example.org:team/sub/handbook.git",
  ssh_url: "git@gitlab.example.org:team/sub/handbook.git",
  http_url: "https://gitlab.example.org/team/sub/handbook.git",
};

export function gitlabPush(ref: string, { deleted = false } = {}) {
  return {
    object_kind: "push",
    event_name: "push",
    before,
    after: deleted ? none : after,
    ref,
    ref_protected: true,
    checkout_sha: deleted ? null : after,
    user_id: 4,
    user_name: "Jane Doe",
    user_username: "jdoe",
    user_email: "",
    project_id: 15,
    project: gitlabProject,
    commits: [
      {
        id: after,
        message: "Say hello in Ünïcode",
        timestamp: "2026-02-12T23:36:29+02:00",
        url: `https://gitlab.example.org/team/sub/handbook/commit/${after}`,
        author: { name: "Jane Doe", email: "jane@example.org" },
        added: ["CHANGELOG"],
        modified: ["pages/hello.md"],
        removed: [],
      },
    ],
    total_commits_count: 1,
    push_options: {},
  };
}

export function gitlabTagPush() {
  return { ...gitlabPush("refs/tags/v1.0.0"), object_kind: "tag_push", event_name: "tag_push" };
}

/** What an instance's system hook gets, whatever the number of branches. */
export function gitlabRepositoryUpdate(refs: readonly string[]) {
  return {
    event_name: "repository_update",
    user_id: 4,
    user_name: "Jane Doe",
    user_email: "",
    project_id: 15,
    project: gitlabProject,
    changes: refs.map((ref) => ({ before, after, ref })),
    refs,
  };
}

export function gitlabMergeRequest() {
  return {
    object_kind: "merge_request",
    event_type: "merge_request",
    user: { id: 4, name: "Jane Doe", username: "jdoe" },
    project: gitlabProject,
    object_attributes: { id: 99, iid: 1, target_branch: "main", source_branch: "drafts/x", action: "open" },
  };
}

const giteaRepository = {
  id: 140,
  owner: { id: 1, login: "team", full_name: "Team", email: "", username: "team" },
  name: "handbook",
  full_name: "team/handbook",
  description: "",
  private: true,
  fork: false,
  html_url: "https://gitea.example.org:3000/team/handbook",
  ssh_url: "ssh://git@gitea.example.org:2222/team/handbook.git",
  clone_url: "https://gitea.example.org:3000/team/handbook.git",
  website: "",
  default_branch: "main",
  updated_at: "2026-02-26T04:29:06Z",
};
const giteaUser = {
  id: 1,
  login: "jane",
  full_name: "Jane Doe",
  email: "jane@example.org",
  username: "jane",
};

export function giteaPush(ref: string) {
  return {
    ref,
    before,
    after,
    compare_url: `https://gitea.example.org:3000/team/handbook/compare/${before}...${after}`,
    commits: [],
    total_commits: 0,
    head_commit: null,
    repository: giteaRepository,
    pusher: giteaUser,
    sender: giteaUser,
  };
}

export function giteaCreate(ref: string, type: "branch" | "tag") {
  return { sha: after, ref, ref_type: type, repository: giteaRepository, sender: giteaUser };
}

export function giteaDelete(ref: string, type: "branch" | "tag") {
  return { ref, ref_type: type, pusher_type: "user", repository: giteaRepository, sender: giteaUser };
}

export function giteaIssue() {
  return {
    action: "opened",
    number: 1,
    issue: { id: 1, title: "Hello" },
    repository: giteaRepository,
    sender: giteaUser,
  };
}

const cloudRepository = {
  type: "repository",
  full_name: "team/handbook",
  links: {
    self: { href: "https://api.bitbucket.org/2.0/repositories/team/handbook" },
    html: { href: "https://bitbucket.org/team/handbook" },
    avatar: { href: "https://bytebucket.org/ravatar/x" },
  },
  name: "handbook",
  scm: "git",
  is_private: true,
  uuid: "{673a6070-3421-46c9-9d48-90745f7bfe8e}",
};
const cloudUser = {
  type: "user",
  uuid: "{d301aafa-d676-4ee0-88be-962be7417567}",
  display_name: "Jane Doe",
  nickname: "jane",
  account_id: "557058:ba8948b2-49da-43a9-9e8b-e7249b8e324a",
};

type CloudRef = { type: string; name: string } | null;

export function cloudPush(changes: readonly { old: CloudRef; new: CloudRef }[]) {
  return {
    push: {
      changes: changes.map((change) => ({
        old: change.old && { ...change.old, target: { type: "commit", hash: before } },
        new: change.new && { ...change.new, target: { type: "commit", hash: after } },
        created: change.old === null,
        closed: change.new === null,
        forced: false,
        truncated: false,
        commits: [],
      })),
    },
    repository: cloudRepository,
    actor: cloudUser,
  };
}

export function cloudIssue() {
  return { actor: cloudUser, repository: cloudRepository, issue: { id: 1, title: "Hello" } };
}

const dataCenterUser = {
  name: "jane",
  emailAddress: "jane@example.org",
  id: 1,
  displayName: "Jane Doe",
  active: true,
  slug: "jane",
  type: "NORMAL",
};

function dataCenterRepository({ links }: { links: boolean }) {
  return {
    slug: "handbook",
    id: 84,
    name: "handbook",
    scmId: "git",
    state: "AVAILABLE",
    statusMessage: "Available",
    forkable: true,
    project: { key: "TEAM", id: 84, name: "Team", public: false, type: "NORMAL" },
    public: false,
    ...(links && {
      links: {
        clone: [
          { href: "ssh://git@bitbucket.example.org:7999/team/handbook.git", name: "ssh" },
          { href: "https://bitbucket.example.org/scm/team/handbook.git", name: "http" },
        ],
        self: [{ href: "https://bitbucket.example.org/projects/TEAM/repos/handbook/browse" }],
      },
    }),
  };
}

export function dataCenterPush(
  refs: readonly string[],
  { links = true, date = "2026-01-13T22:26:25+1100" }: { links?: boolean; date?: string } = {},
) {
  return {
    eventKey: "repo:refs_changed",
    date,
    actor: dataCenterUser,
    repository: dataCenterRepository({ links }),
    changes: refs.map((id) => ({
      ref: {
        id,
        displayId: id.replace(/^refs\/\w+\//, ""),
        type: id.startsWith("refs/tags/") ? "TAG" : "BRANCH",
      },
      refId: id,
      fromHash: none,
      toHash: after,
      type: "ADD",
    })),
  };
}

export function dataCenterMirror() {
  return {
    eventKey: "mirror:repo_synchronized",
    date: "2026-01-13T22:26:25+1100",
    mirrorServer: { id: "B5VF", name: "eu", enabled: true },
    syncType: "INCREMENTAL",
    refLimitExceeded: true,
    repository: dataCenterRepository({ links: true }),
    changes: [],
  };
}

export function dataCenterComment() {
  return {
    eventKey: "repo:comment:added",
    date: "2026-01-13T22:26:25+1100",
    actor: dataCenterUser,
    comment: { id: 1, text: "Hello" },
    repository: dataCenterRepository({ links: false }),
    commit: after,
  };
}

const githubRepository = {
  id: 186853002,
  name: "Handbook",
  full_name: "Team/Handbook",
  private: true,
  html_url: "https://github.com/Team/Handbook",
  url: "https://github.com/Team/Handbook",
  git_url: "git://github.com/Team/Handbook.git",
  ssh_url: "git@github.com:Team/Handbook.git",
  clone_url: "https://github.com/Team/Handbook.git",
  svn_url: "https://github.com/Team/Handbook",
  pushed_at: 1772366400,
  default_branch: "main",
};
const githubSender = { login: "jane", id: 21031067, type: "User" };

export function githubPush(ref: string, { pushedAt = 1772366400, deleted = false } = {}) {
  return {
    ref,
    before,
    after: deleted ? none : after,
    repository: { ...githubRepository, pushed_at: pushedAt },
    pusher: { name: "jane", email: "jane@example.org" },
    sender: githubSender,
    created: false,
    deleted,
    forced: false,
    base_ref: null,
    compare: "https://github.com/Team/Handbook/compare/95790bf891e7...da1560886d4f",
    commits: [],
    head_commit: null,
  };
}

export function githubCreate(ref: string, type: "branch" | "tag") {
  return {
    ref,
    ref_type: type,
    master_branch: "main",
    pusher_type: "user",
    repository: githubRepository,
    sender: githubSender,
  };
}

export function githubDefaultBranch() {
  return {
    action: "edited",
    changes: { default_branch: { from: "master" } },
    repository: githubRepository,
    sender: githubSender,
  };
}
