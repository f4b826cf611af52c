// Where a URL goes by the rules: the first that matches decides. Pure policy.

import type { ProxyRule, ProxyUse } from "../runtime/proxy-rule.ts";

export interface Route {
  /** `unruled`: no rule says anything. */
  readonly use: ProxyUse | "unruled";
  /** As it is asked for, which a rule may have rewritten. */
  readonly url: URL;
}

/** Rules see the URL in its normal form (WHATWG), without user, password and fragment. */
export function routeOf(rules: readonly ProxyRule[], url: URL): Route {
  const shown = publicForm(url);
  const rule = rules.find(({ match }) => match.test(shown));
  if (rule === undefined) return { use: "unruled", url };
  return { use: rule.use, url: rewritten(url, rule.rewrite) };
}

function publicForm(url: URL): string {
  const shown = new URL(url);
  shown.username = "";
  shown.password = "";
  shown.hash = "";
  return shown.href;
}

function rewritten(url: URL, { scheme, host }: ProxyRule["rewrite"]): URL {
  const { username, password, pathname, search } = url;
  const to = new URL(`${scheme ?? url.protocol.slice(0, -1)}://${host ?? url.host}${pathname}${search}`);
  to.username = username;
  to.password = password;
  return to;
}
