// The engines that `dragonfly init` knows.

import { containerd } from "./containerd.ts";
import { docker } from "./docker.ts";
import type { Engine } from "./engine.ts";
import { crio, podman } from "./podman.ts";

export const engines: readonly Engine[] = [docker, containerd, crio, podman];
