// What the bearer of a token may do. A role includes those before it; to join is apart: it makes a host of the cluster, and reads nothing.

export const roles = ["join", "read", "operate", "admin"] as const;
export type Role = (typeof roles)[number];

/** What a route asks of whoever calls it; `open` asks nothing. */
export type Access = "open" | Role;

export function mayDo(role: Role, needed: Access): boolean {
  if (needed === "open" || role === needed) return true;
  return role !== "join" && needed !== "join" && roles.indexOf(role) >= roles.indexOf(needed);
}

/** Of a route that says nothing itself: to look takes little, to change everything. */
export function defaultAccess(method: string): Access {
  return method === "GET" || method === "HEAD" ? "read" : "admin";
}
