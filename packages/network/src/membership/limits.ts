/** Named limits of membership, each with its reason. */

/** One signed record of a node: it is gossiped and kept by the thousand. */
export const RECORD_BYTES_MAX: number = 4096
/** Addresses in one record: several interfaces, two protocols, and relays. */
export const ADDRESSES_MAX: number = 8
/** One address in bytes of UTF-8: a relayed one holds two peer ids. */
export const ADDRESS_BYTES_MAX: number = 256
/** vShards that one node says it is in. */
export const RECORD_VSHARDS_MAX: number = 64
/** Furthest ahead that a record may expire: what is gone is forgotten within a day. */
export const RECORD_LIFE_MS_MAX: number = 24 * 60 * 60 * 1000
/** Records that a table keeps: at 4 KiB, 32 MiB at most. */
export const RECORDS_MAX: number = 8192
/** Peers of one validator that its vouchers count for: its own node, a stand-by and two sentries. */
export const PEERS_PER_VALIDATOR: number = 4

/** Buckets of addresses that were only heard of, and places in each: 8192 in all. */
export const NEW_BUCKETS: number = 256
export const NEW_BUCKET_PLACES: number = 32
/** Buckets that one source can reach: an eighth, so that who tells much does not fill the book. */
export const NEW_BUCKETS_PER_SOURCE: number = 32
/** Buckets of addresses that were connected to, and places in each: 2048 in all. */
export const TRIED_BUCKETS: number = 64
export const TRIED_BUCKET_PLACES: number = 32
/** Buckets that the addresses of one group can reach: a whole data centre gets a sixteenth of the book. */
export const TRIED_BUCKETS_PER_GROUP: number = 4
/** Outbound peers: nobody but this node decides who they are. */
export const OUTBOUND_PEERS: number = 12
/** Of them, those for peers that a validator vouches for: what an attacker must pay a deposit for. */
export const OUTBOUND_VOUCHED: number = 8
/** Outbound peers of one group of addresses, those that are vouched for apart. */
export const OUTBOUND_PER_GROUP: number = 1
/** More of them while no news come: one attacker after the other is left for somebody else. */
export const OUTBOUND_EXTRA: number = 2
/** Outbound peers that are dialled first after a restart. */
export const ANCHORS_MAX: number = 2
/** Time between two dials that only ask whether an address is alive. */
export const FEELER_INTERVAL_MS: number = 2 * 60 * 1000
/** Wait after a failed dial, doubled with each further one, up to the longest. */
export const REDIAL_MS: number = 10_000
export const REDIAL_MS_MAX: number = 60 * 60 * 1000
/** Failures after which an address that was never reached makes way for another. */
export const FAILURES_MAX: number = 3
/** An address that nobody has named for so long makes way too. */
export const HEARD_MS_MAX: number = 30 * 24 * 60 * 60 * 1000
/** Peers to dial that validators vouch for: those of the largest committee that a chain may have. */
export const VOUCHED_MAX: number = 4096
/** While no news come, a drawn outbound peer that has been connected for so long makes way for another. */
export const ROTATION_MS: number = 30_000
/** Addresses that wait for the one in their place to be dialled, before they take it. */
export const CONTESTS_MAX: number = 16
/** Draws for one place among the outbound peers, before it stays empty until the next plan. */
export const DRAWS_MAX: number = 64
/** Outbound peers that are dialled at a time. */
export const DIALS_MAX: number = 8

/** vShards that a node takes part in at a time, those of the next epoch apart. */
export const MEMBERSHIPS_MAX: number = 64
/** Chance of a split mesh that a node's own choices must keep below, with a third of the members failed at once. */
export const MESH_SPLIT_RISK: number = 1e-6
/** How long a mesh may be below that before the operator hears of it: newcomers and losses are normal. */
export const UNSAFE_MS: number = 30_000
/** Share of the members that may fail before anyone chooses anew. */
export const MESH_FAILED_SHARE: number = 1 / 3
/** Peers of a vShard that a node chooses itself at least, while it does not know how many members there are. */
export const CHOSEN_MIN: number = 4
/** And at most: the bound for a thousand members asks for 13. */
export const CHOSEN_MAX: number = 24
/** Members of a vShard that a node remembers, to choose from. */
export const CANDIDATES_MAX: number = 512
/** How often the directory is asked while a mesh has too few peers, and while it has enough. */
export const FIND_MS: number = 2_000
export const FIND_QUIET_MS: number = 60_000
/** How often a node says again in the directory that it is a member. */
export const ANNOUNCE_MS: number = 10 * 60 * 1000
/** How long a member stays in a mesh of an earlier epoch after its own new ones are ready: others may still need it. */
export const HOLD_MS: number = 30_000
/** Epochs after which it leaves in any case. */
export const HOLD_EPOCHS: number = 2
/** Neighbours in one digest. */
export const DIGEST_NEIGHBOURS_MAX: number = 64
/** A digest counts for so long: three rounds of them. */
export const DIGEST_LIFE_MS: number = 90_000
/** Members whose digests are kept for one mesh. */
export const DIGESTS_MAX: number = 4096
/** Cuts are looked for up to this many nodes: more is as good, and the search stays below a second of CPU. */
export const MIN_CUT_LIMIT: number = 8
