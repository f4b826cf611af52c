// The names of things, as types that cannot be mixed up. Each is made at the edge (wire/, runtime/) and only compared here.

declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** One content to distribute: 64 hexadecimal digits, see `wire/task-key.ts`. */
export type TaskId = Branded<string, "TaskId">;
/** What a task's content was at one moment: 64 hexadecimal digits. */
export type VersionId = Branded<string, "VersionId">;
/** A machine running a daemon, or a supernode: 32 hexadecimal digits. */
export type HostId = Branded<string, "HostId">;
/** Whose rights a request carries: the digest of its credentials, or "" for none; where a digest names the content, of the place it is asked at too. */
export type Audience = Branded<string, "Audience">;
/** What content is named by wherever it comes from: its SHA-256, the algorithm that every registry uses. */
export type Digest = `sha256:${string}`;
/** Zero-based position of a piece in its version. */
export type PieceIndex = number;
