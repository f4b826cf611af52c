// How components follow what changes outside of them.

import { useEffect, useState } from "preact/hooks";
import { access } from "./api.ts";
import { LiveClient, type LiveView } from "./live-client.ts";
import { parseRoute, type Route } from "./route.ts";

export const live = new LiveClient();

export function useLive(): LiveView {
  return useFollowed(
    () => live.view,
    (changed) => live.listen(changed),
  );
}

export function useTokenWanted(): boolean {
  return useFollowed(
    () => access.wanted,
    (changed) => access.listen(changed),
  );
}

export function useRoute(): Route {
  const hash = useFollowed(
    () => location.hash,
    (changed) => {
      window.addEventListener("hashchange", changed);
      return () => window.removeEventListener("hashchange", changed);
    },
  );
  return parseRoute(hash);
}

const dark = window.matchMedia("(prefers-color-scheme: dark)");

/** Changes with the scheme: what is painted on a canvas is painted anew. */
export function useDark(): boolean {
  return useFollowed(
    () => dark.matches,
    (changed) => {
      dark.addEventListener("change", changed);
      return () => dark.removeEventListener("change", changed);
    },
  );
}

/** A colour of the style sheet, by its variable's name. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function useFollowed<T>(read: () => T, listen: (changed: () => void) => () => void): T {
  const [value, set] = useState(read);
  // Both functions are the same in every rendering of a component.
  useEffect(() => {
    const changed = (): void => set(() => read());
    changed();
    return listen(changed);
  }, []);
  return value;
}
