/** Named limits and times of the simulated network, each with its reason. Times are virtual milliseconds. */

/** Peers that a node sends each message of a topic to: the degrees that gossipsub has by default. */
export const MESH_TARGET: number = 8
export const MESH_LOW: number = 6
export const MESH_HIGH: number = 12
/** Of the peers in a mesh, those that the node has dialled itself: it keeps a place for them. */
export const MESH_OUTBOUND: number = 2
/** Peers outside of the mesh that are told of recent ids at each heartbeat. */
export const LAZY_TARGET: number = 6
export const HEARTBEAT_MS: number = 1000
/** Heartbeats for which a message's id is offered to others. */
export const GOSSIP_WINDOWS: number = 3
/** Heartbeats for which a message is kept to be asked for. */
export const KEPT_WINDOWS: number = 5
/** Ids in one offer. */
export const OFFER_IDS_MAX: number = 5000
/** After a prune neither end grafts the other for so long. */
export const PRUNE_BACKOFF_MS: number = 10_000
/** An id is known for at least so long: a copy that comes later counts as new. */
export const SEEN_MS: number = 120_000
/** Rejected messages after which a peer is cut off, and for how long. */
export const REJECTED_MAX: number = 16
export const REJECTED_BAN_MS: number = 600_000
/** A peer that has been silent for so long is taken for gone: a ping a second, and one that is late. */
export const SILENCE_MS: number = 2_000
/** A dial that nobody answers. */
export const DIAL_MS: number = 5_000
/** Wait before a known peer that was lost is dialled again, doubled with each failure, up to the longest. */
export const REDIAL_MS: number = 500
export const REDIAL_MS_MAX: number = 30_000
/** Failures after which a known peer is given up. */
export const REDIALS_MAX: number = 6
/** Bytes of one channel that are on their way to a peer or lie unread with it: a stream's window. */
export const WINDOW_BYTES: number = 256 * 1024
/** Connections that others may make to a node. */
export const INBOUND_MAX: number = 300
/** Requests of one peer on one exchange that wait while `perPeerMax` are answered; further ones are refused. */
export const WAITING_REQUESTS_MAX: number = 4
/** How long the directory names a node that has announced itself. */
export const ANNOUNCED_MS: number = 30 * 60 * 1000
/** Peers that one look into the directory gives. */
export const FOUND_MAX: number = 20
/** Round trips of one look-up or announcement: the logarithm of the size of the directory. */
export const LOOKUP_ROUND_TRIPS: number = 4
/** A lost packet is sent again after this, or after two round trips if that is more. */
export const RETRANSMIT_MS: number = 200
/** Times that one message may be lost in a row. */
export const LOSSES_MAX: number = 6
/** Messages held for a connection that is cut; then it ends, as a full send buffer would end it. */
export const HELD_MAX: number = 4096
/** Rounds of the microtask queue that callers get after something that concerns them: chains of so many `await`s. */
export const SETTLE_ROUNDS: number = 32
