// Which page is shown: the part of the address after `#`, so that one document serves them all and links can be kept.

export type Route =
  | { readonly page: "overview" | "tasks" | "hosts" | "preheats" }
  | { readonly page: "task" | "explain"; readonly id: string }
  | { readonly page: "preheat"; readonly id: string }
  | { readonly page: "unknown" };

export function parseRoute(hash: string): Route {
  const [first = "", id, third, ...rest] = hash.replace(/^#?\/?/, "").split("/");
  if (rest.length > 0) return { page: "unknown" };
  if (first === "" && id === undefined) return { page: "overview" };
  if (id === undefined && (first === "tasks" || first === "hosts" || first === "preheats")) return { page: first };
  if (first === "tasks" && id !== undefined && third === undefined) return { page: "task", id };
  if (first === "tasks" && id !== undefined && third === "explain") return { page: "explain", id };
  if (first === "preheats" && id !== undefined && third === undefined) return { page: "preheat", id };
  return { page: "unknown" };
}

/** What of the events a page needs beyond the cluster. */
export function queryOf(route: Route): string {
  if (route.page === "hosts") return "?hosts";
  return route.page === "task" ? `?task=${encodeURIComponent(route.id)}` : "";
}
