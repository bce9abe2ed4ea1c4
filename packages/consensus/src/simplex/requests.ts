import { equalBytes } from '@armchain/core'
import { RANGE_VIEWS_MAX, REQUESTS_MAX } from '../limits.ts'
import { send } from './effects.ts'
import { deltaMs, type Request, type State } from './state.ts'

/**
 * Asking for what is missing.
 *
 * Rules: a question is asked of one peer at a time, first of who must have the answer, then of the others in turn, and not
 * again before an answer could have come: a rule that fires at every message would ask at every message otherwise. At
 * most `REQUESTS_MAX` are under way; what nobody asks for any more is forgotten.
 */
export function wantCertificates(
  state: State,
  views: { readonly from: number; readonly to: number },
  firstPeer: number,
): void {
  const request = due(state, { view: views.from }, firstPeer)
  if (request === undefined) return
  const toView = Math.min(views.to, views.from + RANGE_VIEWS_MAX - 1)
  send(state, peerOf(state, request), {
    type: 'wantCertificates',
    epoch: state.config.epoch.number,
    fromView: views.from,
    toView,
  })
}

/** Asks for a block and its ancestors; gives how often that was done. */
export function wantBlock(state: State, link: Uint8Array, firstPeer: number): number {
  const request = due(state, { link }, firstPeer)
  if (request !== undefined)
    send(state, peerOf(state, request), {
      type: 'wantBlocks',
      epoch: state.config.epoch.number,
      link,
      aboveHeight: state.committed.height,
    })
  return find(state, { link })?.tries ?? 0
}

export function isWanted(state: State, link: Uint8Array): boolean {
  return find(state, { link }) !== undefined
}

export function forgetBlock(state: State, link: Uint8Array): void {
  state.requests = state.requests.filter((request) => !same(request.what, { link }))
}

/** When the next question may be asked again. */
export function nextRequestMs(state: State): number {
  let next = Infinity
  for (const { askedMs } of state.requests) next = Math.min(next, askedMs + patienceMs(state))
  return next
}

/** Drops questions that no rule has asked again since they were due. */
export function dropStaleRequests(state: State): void {
  if (state.requests.length === 0) return
  const patience = patienceMs(state)
  state.requests = state.requests.filter(({ askedMs }) => state.nowMs < askedMs + 2 * patience)
}

function due(state: State, what: Request['what'], firstPeer: number): Request | undefined {
  const known = find(state, what)
  if (known !== undefined) {
    if (state.nowMs < known.askedMs + patienceMs(state)) return undefined
    known.tries++
    known.askedMs = state.nowMs
    return known
  }
  if (state.requests.length >= REQUESTS_MAX) return undefined
  const request: Request = { what, firstPeer, tries: 1, askedMs: state.nowMs }
  state.requests.push(request)
  return request
}

function find(state: State, what: Request['what']): Request | undefined {
  return state.requests.find((request) => same(request.what, what))
}

function same(a: Request['what'], b: Request['what']): boolean {
  if ('view' in a) return 'view' in b && a.view === b.view
  return 'link' in b && equalBytes(a.link, b.link)
}

/** There and back, and as much again. */
function patienceMs(state: State): number {
  return 2 * deltaMs(state)
}

function peerOf({ committee, self }: State, { firstPeer, tries }: Request): number {
  const seats = committee.seats.length
  const peer = (Math.max(0, firstPeer) + tries - 1) % seats
  return peer === self ? (peer + 1) % seats : peer
}
