// Where a daemon's socket and data are, when nobody says otherwise.

import type { Place } from "./setting.ts";

export const shownSocket = "~/.dragonfly/daemon.sock, for root /run/dragonfly/daemon.sock";
export const shownDataDir = "~/.dragonfly/daemon, for root /var/lib/dragonfly/daemon";

export function defaultSocket({ root, home }: Place): string {
  return root ? "/run/dragonfly/daemon.sock" : `${home}/.dragonfly/daemon.sock`;
}

export function defaultDataDir({ root, home }: Place): string {
  return root ? "/var/lib/dragonfly/daemon" : `${home}/.dragonfly/daemon`;
}

/** Names the daemon that has this socket, or is about to open it. */
export function socketOwnerOf(socket: string): string {
  return `${socket}.owner`;
}

/** Names who is starting a daemon for this socket. */
export function launchLockOf(socket: string): string {
  return `${socket}.lock`;
}

/** A daemon at the default socket has the default data; one elsewhere gets its own beside it, so that two never share one. */
export function dataDirFor(socket: string, place: Place): string {
  if (socket === defaultSocket(place)) return defaultDataDir(place);
  return socket.endsWith(".sock") ? socket.slice(0, -".sock".length) : `${socket}.data`;
}
