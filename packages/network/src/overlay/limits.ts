/** Named limits of the overlay, each with its reason. */

/** Super nodes of one backbone: the hashes of the whole list are computed anew when it changes. */
export const SUPER_NODES_MAX: number = 4096
/** Connectivity that a backbone may be asked for: each super node keeps as many links, and some more. */
export const CONNECTIVITY_MAX: number = 64
/** Random Hamilton cycles beside the ring: two are an expander with high probability (see `backbone.ts`). */
export const BACKBONE_CYCLES: number = 2
/** Super nodes that a node keeps. */
export const HOME_SUPER_NODES_MIN: number = 3
/** Regions among them: the loss of one region leaves a way out. */
export const HOME_REGIONS_MIN: number = 2
/** Width of a class of round trips: more than what they differ by from one ping to the next. */
export const NEAR_FACTOR: number = 1.5
/** Links that a routed message may take: twice the diameter of a backbone of `SUPER_NODES_MAX`, for ways around losses. */
export const HOPS_MAX: number = 16
/** Ids of routed messages that a router remembers: some hundred a second, at about half a kilobyte each. */
export const ROUTED_IDS_MAX: number = 32_768
/** How long it remembers them at most: longer than a message can be on its way. */
export const ROUTED_ID_MS: number = 2 * 60 * 1000
/** Name of a region in bytes of UTF-8. */
export const REGION_BYTES_MAX: number = 32
/** Chance that some node loses all its super nodes above which an operator is warned. */
export const UNREACHABLE_RISK_MAX: number = 0.001
/** Text of a peer id: that of an ed25519 key has 52. */
export const PEER_ID_BYTES_MAX: number = 64
/** Certified objects that a bridge remembers, so that each crosses once: some minutes of a thousand vShards. */
export const BRIDGED_IDS_MAX: number = 65_536
