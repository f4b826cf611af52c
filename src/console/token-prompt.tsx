// Asks for the token where the supernode wants one. It is kept for this window's session alone.

import { useEffect, useId, useRef } from "preact/hooks";
import { access } from "./api.ts";

export function TokenPrompt({ open }: { readonly open: boolean }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const heading = useId();
  useEffect(() => {
    if (open && dialog.current?.open === false) dialog.current.showModal();
    if (!open) dialog.current?.close();
  }, [open]);
  const give = (event: Event): void => {
    event.preventDefault();
    const token = input.current?.value.trim() ?? "";
    if (token !== "") access.give(token);
  };
  return (
    <dialog ref={dialog} aria-labelledby={heading} onCancel={(event) => event.preventDefault()}>
      <form onSubmit={give}>
        <h2 id={heading}>
          {access.token === undefined ? "This supernode asks for a token" : "The token was not accepted"}
        </h2>
        {access.token !== undefined && (
          <p class="notice bad" role="alert">
            {access.refusal}
          </p>
        )}
        <p>
          On its machine, <code>dragonfly token create --role read</code> prints one; <code>--role operate</code> lets
          it change things.
        </p>
        <label>
          Token
          <input ref={input} type="password" autocomplete="off" spellcheck={false} required />
        </label>
        <div class="actions">
          <button type="submit" class="main">
            Use it
          </button>
        </div>
      </form>
    </dialog>
  );
}
