// A disk that is full soon: a small file system in memory, in a mount namespace that ends with the program that runs in it.

import { spawnSync } from "node:child_process";

const namespace = ["unshare", "--user", "--map-root-user", "--mount"] as const;

/** Why there can be none here, for a test to skip with. */
export function missingSmallDisk(): string | false {
  const [command, ...flags] = namespace;
  const mount = spawnSync(command, [...flags, "mount", "-t", "tmpfs", "none", "/mnt"], { stdio: "ignore" });
  return mount.status === 0 ? false : "a user may not mount file systems here";
}

/** The command under which a program finds a disk of so many MiB at `folder`; what it leaves there is listed on standard output. */
export function onSmallDisk(folder: string, sizeMib: number): readonly string[] {
  const mount = 'mount -t tmpfs -o "size=$2m" none "$1" && folder=$1 && shift 2';
  return [
    ...namespace,
    "sh",
    "-c",
    `${mount} && "$@"; code=$?; ls -A "$folder"; exit $code`,
    "sh",
    folder,
    String(sizeMib),
  ];
}

/** The same for a server: signals reach it, and nothing is listed. */
export function servingOnSmallDisk(folder: string, sizeMib: number): readonly string[] {
  const script = 'mount -t tmpfs -o "size=$2m" none "$1" && shift 2 && exec "$@"';
  return [...namespace, "sh", "-c", script, "sh", folder, String(sizeMib)];
}
