// Why a task was as fast as it was, host by host, as the supernode explains it.

import { useEffect, useState } from "preact/hooks";
import { get, type Refusal } from "./api.ts";
import { Empty } from "./empty.tsx";
import { shortId } from "./format.ts";

export function ExplainPage({ id }: { readonly id: string }) {
  const [answer, setAnswer] = useState<unknown>();
  const [refusal, setRefusal] = useState<Refusal>();
  useEffect(() => {
    get<unknown>(`api/v1/tasks/${encodeURIComponent(id)}/explain`).then(setAnswer, setRefusal);
  }, [id]);
  return (
    <>
      <div class="heading">
        <h1>Why task {shortId(id)} was as fast as it was</h1>
        <a class="button" href={`#/tasks/${id}`}>
          Back to the task
        </a>
      </div>
      {refusal !== undefined && <Empty title="There is no explanation">{refusal.message}</Empty>}
      {refusal === undefined && answer === undefined && <Empty title="Asking the supernode…" />}
      {answer !== undefined && (
        <section class="card">
          <pre>{JSON.stringify(answer, undefined, 2)}</pre>
        </section>
      )}
    </>
  );
}
