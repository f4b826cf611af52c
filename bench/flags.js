// The flags of a measurement: every one has a default, an unknown one is an error.

export class Flags {
  #values;

  /** @param {Record<string, string>} values */
  constructor(values) {
    this.#values = values;
  }

  /** What the measurement ran with. */
  get all() {
    return { ...this.#values };
  }

  /** @param {string} name */
  text(name) {
    return this.#values[name] ?? "";
  }

  /** @param {string} name */
  has(name) {
    return this.#values[name] === "yes";
  }

  /** @param {string} name */
  number(name) {
    const value = Number(this.text(name));
    if (!Number.isFinite(value)) throw new Error(`--${name} is a number, not "${this.text(name)}"`);
    return value;
  }

  /** @param {string} name */
  words(name) {
    return this.text(name)
      .split(",")
      .filter((word) => word !== "");
  }
}

/**
 * @param {Record<string, string>} defaults
 * @param {readonly string[]} args
 */
export function parseFlags(defaults, args) {
  const values = { dir: "", json: "no", ...defaults };
  for (let at = 0; at < args.length; at++) {
    const [name, inline] = (args[at] ?? "").replace(/^--/, "").split("=", 2);
    if (!Object.hasOwn(values, name)) throw new Error(`unknown flag ${args[at]}`);
    if (values[name] === "no" || values[name] === "yes") values[name] = inline ?? "yes";
    else values[name] = inline ?? args[++at] ?? "";
  }
  return new Flags(values);
}
