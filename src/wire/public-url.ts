// A URL as it may be shown to people and written to logs: without user, password, fragment and the values that sign a request.

const secretName =
  /^(sig|sign|st|se|sp|key|auth|policy|googleaccessid|awsaccesskeyid|ossaccesskeyid)$|^x-(amz|goog|oss|obs|cos)-|^q-(sign|ak|key)|signature|token|secret|passw|credential|api[-_]?key|access[-_]?key/i;

export function publicUrl(url: string): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    // Nobody can say where a password ends in what is no URL: less is shown rather than more.
    return url.replace(/\/\/.*@/s, "//").replace(/[?#&=].*$/s, "");
  }
  parsed.username = "";
  parsed.password = "";
  parsed.hash = "";
  if (parsed.search === "") return parsed.href;
  const query = parsed.search.slice(1).split("&").map(mask).join("&");
  return `${parsed.origin === "null" ? `${parsed.protocol}//${parsed.host}` : parsed.origin}${parsed.pathname}?${query}`;
}

function mask(parameter: string): string {
  const at = parameter.indexOf("=");
  if (at === -1) return parameter;
  const name = parameter.slice(0, at);
  return secretName.test(decoded(name)) ? `${name}=***` : parameter;
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
