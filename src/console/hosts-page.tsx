// The hosts: how much they do, what they are accused of, and the switch that takes one out of the swarm.

import { useState } from "preact/hooks";
import type { LiveHost, LiveHosts } from "../wire/live.ts";
import { post } from "./api.ts";
import { ConfirmButton } from "./confirm-button.tsx";
import { Empty } from "./empty.tsx";
import { formatLeft, formatRate } from "./format.ts";
import { labelOf } from "./host-label.ts";
import { SourceBar, SourceLegend } from "./source-bar.tsx";
import { Strikes } from "./strikes.tsx";

export function HostsPage({ hosts: live }: { readonly hosts: LiveHosts | undefined }) {
  const [filter, setFilter] = useState("");
  const [accused, setAccused] = useState(false);
  const wanted = filter.trim().toLowerCase();
  const all = Object.entries(live?.hosts ?? {});
  const shown = all
    .filter(([id, host]) => `${id} ${host.address} ${host.zone} ${host.rack}`.toLowerCase().includes(wanted))
    .filter(([, host]) => !accused || host.isolatedForMs !== undefined || host.strikes.length > 0)
    // What changes all the time does not count, so that lines stay where they are.
    .sort(([a, one], [b, other]) => labelOf(a, one.address).localeCompare(labelOf(b, other.address)));
  return (
    <>
      <div class="heading">
        <h1>Hosts</h1>
        <div class="actions">
          <label class="check">
            <input type="checkbox" checked={accused} onChange={(event) => setAccused(event.currentTarget.checked)} />
            Only with strikes
          </label>
          <input
            type="search"
            aria-label="Only hosts whose id, address, zone or rack has"
            placeholder="Only with…"
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
        </div>
      </div>
      <section class="card" aria-label="Hosts">
        {live === undefined && <Empty title="Asking the supernode for the hosts…" />}
        {live !== undefined && all.length === 0 && (
          <Empty title="No host is connected">
            <code>dragonfly daemon --supernode {location.origin}</code> on a host connects it.
          </Empty>
        )}
        {all.length > 0 && shown.length === 0 && (
          <Empty title={wanted === "" ? "No host has strikes" : `No such host has “${filter}”`} />
        )}
        {shown.length > 0 && (
          <>
            <SourceLegend />
            <HostTable hosts={shown} />
          </>
        )}
      </section>
      {live !== undefined && live.count > all.length && (
        <p class="muted">
          {all.length} of {live.count} are shown, the isolated and busy ones first. <code>dragonfly hosts</code> lists
          all.
        </p>
      )}
    </>
  );
}

function HostTable({ hosts }: { readonly hosts: readonly (readonly [id: string, host: LiveHost])[] }) {
  return (
    <div class="scroll">
      <table class="hosts">
        <thead>
          <tr>
            <th scope="col">Host</th>
            <th scope="col">State</th>
            <th scope="col" class="number">
              Fetches
            </th>
            <th scope="col" class="number">
              Holds
            </th>
            <th scope="col" class="number">
              Receives
            </th>
            <th scope="col" class="number">
              Sends
            </th>
            <th scope="col" class="number">
              Limits
            </th>
            <th scope="col">Received from</th>
            <th scope="col">Strikes</th>
            <th scope="col">
              <span class="unseen">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {hosts.map(([id, host]) => (
            <Line key={id} id={id} host={host} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Line({ id, host }: { readonly id: string; readonly host: LiveHost }) {
  const {
    address,
    zone,
    rack,
    downloadLimit,
    uploadLimit,
    isolatedForMs,
    fetching,
    complete,
    rate,
    sendRate,
    bytes,
    strikes,
  } = host;
  const place = [zone, rack].filter((part) => part !== undefined).join(" / ");
  const name = labelOf(id, address);
  return (
    <tr>
      <th scope="row" class="name">
        <span>{name}</span>
        <span class="under" title={id}>
          {address === undefined ? "cannot be dialled" : id.slice(0, 12)}
          {place !== "" && ` · ${place}`}
        </span>
      </th>
      <td>
        {isolatedForMs === undefined ? (
          <span class={`chip ${fetching > 0 ? "busy" : ""}`}>{fetching > 0 ? "fetching" : "ok"}</span>
        ) : (
          <span class="chip bad">isolated, {formatLeft(isolatedForMs)} left</span>
        )}
      </td>
      <td class="number">{fetching}</td>
      <td class="number">{complete}</td>
      <td class="number">{rate > 0 ? formatRate(rate) : <span class="muted">–</span>}</td>
      <td class="number">{sendRate > 0 ? formatRate(sendRate) : <span class="muted">–</span>}</td>
      <td class="number">
        {downloadLimit === undefined && uploadLimit === undefined && <span class="muted">none</span>}
        {downloadLimit !== undefined && <span class="limit">{formatRate(downloadLimit)} down</span>}
        {uploadLimit !== undefined && <span class="limit">{formatRate(uploadLimit)} up</span>}
      </td>
      <td>
        <SourceBar bytes={bytes} />
      </td>
      <td>
        <Strikes of={name} strikes={strikes} />
      </td>
      <td class="actions">
        <Switch id={id} name={name} isolated={isolatedForMs !== undefined} />
      </td>
    </tr>
  );
}

/** One button for both, so that it keeps the focus when it changes. */
function Switch({ id, name, isolated }: { readonly id: string; readonly name: string; readonly isolated: boolean }) {
  const word = isolated ? "Release" : "Isolate";
  return (
    <ConfirmButton
      label={word}
      name={`${word} ${name}`}
      title={`${word} ${name}?`}
      confirm={word}
      act={() => post(`api/v1/hosts/${id}/${isolated ? "release" : "isolate"}`)}
    >
      {isolated
        ? "Its strikes are forgotten, and it is introduced to others again at once."
        : "Its neighbours are told to drop it, and no host is introduced to it for a while: half a minute the first time, twice as long each further time. It can still fetch from the supernode."}
    </ConfirmButton>
  );
}
