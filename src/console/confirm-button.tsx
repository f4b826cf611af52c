// A button for what cannot be taken back: asks first, shows what the supernode refuses, and gives the focus back.

import type { ComponentChildren } from "preact";
import { useId, useRef, useState } from "preact/hooks";

export interface ConfirmButtonProps {
  readonly label: string;
  /** For those who do not see what the button stands beside. */
  readonly name?: string;
  /** The question. */
  readonly title: string;
  /** The answer that does it. */
  readonly confirm: string;
  readonly act: () => Promise<void>;
  /** What follows from it. */
  readonly children: ComponentChildren;
}

export function ConfirmButton({ label, name, title, confirm, act, children }: ConfirmButtonProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [state, setState] = useState<"idle" | "busy" | { readonly error: string }>("idle");
  const heading = useId();
  const ask = (): void => {
    setState("idle");
    dialog.current?.showModal();
  };
  const go = async (event: Event): Promise<void> => {
    event.preventDefault();
    setState("busy");
    try {
      await act();
      dialog.current?.close();
    } catch (error) {
      setState({ error: (error as Error).message });
    }
  };
  return (
    <>
      <button type="button" aria-label={name} onClick={ask}>
        {label}
      </button>
      <dialog ref={dialog} aria-labelledby={heading}>
        <form onSubmit={go}>
          <h2 id={heading}>{title}</h2>
          <p>{children}</p>
          {typeof state === "object" && (
            <p class="notice bad" role="alert">
              {state.error}
            </p>
          )}
          <div class="actions">
            <button type="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
            <button type="submit" class="main" disabled={state === "busy"}>
              {confirm}
            </button>
          </div>
        </form>
      </dialog>
    </>
  );
}
