// Begins a preheat: what, and for whom.

import { useRef, useState } from "preact/hooks";
import { post } from "./api.ts";

type Sending = "idle" | "busy" | { readonly error: string };

export function PreheatForm() {
  const form = useRef<HTMLFormElement>(null);
  const [type, setType] = useState<"file" | "image">("file");
  const [to, setTo] = useState("seeds");
  const [sending, setSending] = useState<Sending>("idle");
  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (form.current === null) return;
    setSending("busy");
    try {
      await post("api/v1/preheats", requestOf(new FormData(form.current)));
      form.current.reset();
      setTo("seeds");
      setType("file");
      setSending("idle");
    } catch (error) {
      setSending({ error: (error as Error).message });
    }
  };
  return (
    <form class="card preheat-form" ref={form} onSubmit={send} aria-labelledby="begin">
      <h2 id="begin">Begin a preheat</h2>
      <div class="fields">
        <label>
          Kind
          <select
            name="type"
            value={type}
            onChange={(event) => setType(event.currentTarget.value === "image" ? "image" : "file")}
          >
            <option value="file">File</option>
            <option value="image">Image</option>
          </select>
        </label>
        <label class="long">
          {type === "file" ? "URL" : "Image"}
          <input
            name="url"
            required
            spellcheck={false}
            autocomplete="off"
            placeholder={type === "file" ? "https://example.com/model.bin" : "registry.example.com/app:1.2"}
          />
        </label>
        <label>
          To
          <select name="to" value={to} onChange={(event) => setTo(event.currentTarget.value)}>
            <option value="seeds">The supernode</option>
            <option value="all">All hosts</option>
            <option value="share">A share of the hosts</option>
          </select>
        </label>
        {to === "share" && (
          <label>
            Percent
            <input name="percent" type="number" min="1" max="100" required value="10" />
          </label>
        )}
        <button type="submit" class="main" disabled={sending === "busy"}>
          Begin
        </button>
      </div>
      <details>
        <summary>Login and platforms</summary>
        <div class="fields">
          <label>
            User name
            <input name="username" autocomplete="off" />
          </label>
          <label>
            Password
            <input name="password" type="password" autocomplete="off" />
          </label>
          {type === "image" && (
            <label class="long">
              Platforms, with commas between
              <input name="platforms" placeholder="linux/amd64, linux/arm64" spellcheck={false} />
            </label>
          )}
        </div>
      </details>
      {typeof sending === "object" && (
        <p class="notice bad" role="alert">
          {sending.error}
        </p>
      )}
    </form>
  );
}

function requestOf(form: FormData): Record<string, unknown> {
  const field = (name: string): string | undefined => String(form.get(name) ?? "").trim() || undefined;
  const to = field("to") === "share" ? `${field("percent") ?? "10"}%` : field("to");
  const platforms = field("platforms")
    ?.split(",")
    .map((platform) => platform.trim())
    .filter((platform) => platform !== "");
  return {
    type: field("type"),
    url: field("url"),
    to,
    username: field("username"),
    password: field("password"),
    ...(field("type") === "image" && platforms !== undefined ? { platforms } : {}),
  };
}
