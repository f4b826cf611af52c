// The registry of commands: a name, a line for the overview, and where to load it from.

import type { Command } from "./command.ts";

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  load(): Promise<Command>;
}

export const commands: readonly CommandEntry[] = [
  {
    name: "get",
    summary: "download a file through the swarm (dfget)",
    load: async () => (await import("./get.ts")).get,
  },
  {
    name: "daemon",
    summary: "exchange pieces with other hosts; one runs on each (dfdaemon)",
    load: async () => (await import("./daemon.ts")).daemon,
  },
  {
    name: "supernode",
    summary: "manage a cluster: read origins once, tell hosts whom to ask",
    load: async () => (await import("./supernode.ts")).supernode,
  },
  {
    name: "tasks",
    summary: "list what a cluster distributes",
    load: async () => (await import("./tasks.ts")).tasks,
  },
  {
    name: "hosts",
    summary: "list the hosts of a cluster",
    load: async () => (await import("./hosts.ts")).hosts,
  },
  {
    name: "explain",
    summary: "tell why a task is as fast as it is, host by host",
    load: async () => (await import("./explain.ts")).explain,
  },
  {
    name: "rm",
    summary: "remove a task and its content from the supernodes",
    load: async () => (await import("./rm.ts")).rm,
  },
  {
    name: "isolate",
    summary: "introduce nobody to a host for a while",
    load: async () => (await import("./isolation.ts")).isolate,
  },
  {
    name: "release",
    summary: "end the isolation of a host",
    load: async () => (await import("./isolation.ts")).release,
  },
  {
    name: "preheat",
    summary: "have a file or an image fetched before anybody asks for it",
    load: async () => (await import("./preheat.ts")).preheat,
  },
  {
    name: "token",
    summary: "let hosts join a cluster and people use its API",
    load: async () => (await import("./token.ts")).token,
  },
  {
    name: "init",
    summary: "point a container engine of this machine at the daemon's registry mirror",
    load: async () => (await import("./init.ts")).init,
  },
  {
    name: "ca",
    summary: "the authority with which the proxy answers HTTPS for listed hosts: make it, show it, have it trusted",
    load: async () => (await import("./ca.ts")).ca,
  },
  {
    name: "doctor",
    summary: "look at what the daemon of this machine needs, and say what to do",
    load: async () => (await import("./doctor.ts")).doctor,
  },
  {
    name: "quickstart",
    summary: "show a small cluster at work on this machine",
    load: async () => (await import("./quickstart.ts")).quickstart,
  },
  {
    name: "simulate",
    summary: "tell how long a swarm would take: the same decisions on a simulated network",
    load: async () => (await import("./simulate.ts")).simulate,
  },
  {
    name: "completion",
    summary: "print what a shell needs to complete these commands",
    load: async () => (await import("./completion.ts")).completion,
  },
  {
    name: "man",
    summary: "print the manual page",
    load: async () => (await import("./man.ts")).man,
  },
];
