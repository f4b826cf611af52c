// What a server says of how it wants to be asked: WWW-Authenticate (RFC 9110, section 11.6.1), read and written.

export interface Challenge {
  /** In lower case. */
  readonly scheme: string;
  /** By name in lower case. A token68 stands under "". */
  readonly parameters: ReadonlyMap<string, string>;
}

const maxLength = 16_384;
/** One item of the list: a scheme, perhaps with its first parameter, or a further parameter. */
const item =
  /\s*(?:,\s*)*(?:([!#$%&'*+.^_`|~\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"=]+))(?=\s*(?:,|$))|([!#$%&'*+.^_`|~\w-]+)(?=\s|,|$)(?:\s+([\w.~+/-]+=*)(?=\s*(?:,|$)))?)/y;

/** As many as can be read: what follows a mistake is passed over. */
export function parseChallenges(header: string | undefined): readonly Challenge[] {
  const text = (header ?? "").slice(0, maxLength);
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  item.lastIndex = 0;
  for (let match = item.exec(text); match !== null; match = item.exec(text)) {
    const [, name, quoted, bare, scheme, token] = match;
    if (scheme !== undefined) {
      challenges.push({ scheme: scheme.toLowerCase(), parameters: new Map(token === undefined ? [] : [["", token]]) });
    } else {
      const value = quoted === undefined ? (bare ?? "") : quoted.replace(/\\(.)/g, "$1");
      challenges.at(-1)?.parameters.set(String(name).toLowerCase(), value);
    }
  }
  return challenges;
}

export function formatChallenges(challenges: readonly Challenge[]): string {
  return challenges.map(formatChallenge).join(", ");
}

function formatChallenge({ scheme, parameters }: Challenge): string {
  const name = scheme.charAt(0).toUpperCase() + scheme.slice(1);
  const written = [...parameters].map(([key, value]) =>
    key === "" ? value : `${key}="${value.replace(/["\\]/g, "\\$&")}"`,
  );
  return written.length === 0 ? name : `${name} ${written.join(",")}`;
}
