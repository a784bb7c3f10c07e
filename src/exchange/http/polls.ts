/** Requests that ask the server to wait, or to go on answering: how long those take says nothing of its speed. */

import type { Exchange } from '../exchange.ts';

export const ANSWERS = 0;
/** It answers when something has happened. */
export const WAITS = 1;
/** It answers at once, and goes on for as long as something happens. */
export const STREAMS = 2;

/** Engine.IO (Socket.IO without WebSocket): a GET within a session is held until there is a packet (Engine.IO protocol 4, "HTTP long-polling"). */
const ENGINE = /[?&]transport=polling(?:&|$)/;
const SESSION = /[?&]sid=[^&]/;
/** Blocking queries (Consul HTTP API): what to wait for and how long. */
const INDEX = /[?&]index=[1-9]/;
const WAIT = /[?&]wait=\d/;
/** Kubernetes API, "Efficient detection of changes". */
const WATCH = /[?&]watch=(?:true|1)(?:&|$)/;

/** What the target of a request says of that. Long polls that give no sign are not told from slow answers. */
export function pollOf(method: string, target: string): number {
  if (method !== 'GET' || !target.includes('?')) return ANSWERS;
  if (WATCH.test(target)) return STREAMS;
  if (ENGINE.test(target)) return SESSION.test(target) ? WAITS : ANSWERS;
  return INDEX.test(target) && WAIT.test(target) ? WAITS : ANSWERS;
}

/** The head of the response to `x` has come; `events`: it is one of server-sent events. Refusals are not waited for. */
export function settlePoll(x: Exchange, events: boolean): void {
  if (x.status >= 400) x.waits = false;
  else x.streams = events || pollOf(x.operation, x.target) === STREAMS;
}
