/**
 * Of one gossiped message. What is larger is not gossip: eight copies of it come to each node. Bodies are pulled by
 * exchanges.
 */
export const GOSSIP_MESSAGE_BYTES_MAX: number = 1024 * 1024

/**
 * Of one frame of gossip. A larger one makes the receiver drop its sender from gossip for good, so what is sent is split
 * below it (`gossip-guard.ts`).
 */
export const GOSSIP_FRAME_BYTES_MAX: number = 2 * GOSSIP_MESSAGE_BYTES_MAX

/** Of gossip that a peer has not read yet. Then its stream ends, and the watchdog closes the connection. */
export const GOSSIP_OUTBOUND_BYTES_MAX: number = 4 * 1024 * 1024

/** Below this size a message is forwarded sooner than others could be told not to. */
export const IDONTWANT_BYTES_MIN: number = 32 * 1024

export const GOSSIP_HEARTBEAT_MS = 700

/**
 * So long an id of a message is remembered, and a copy of the message is known as one. With what peers may send a second,
 * it bounds the ids that are kept.
 */
export const GOSSIP_SEEN_MS = 30_000

/** Of one message of a channel. */
export const CHANNEL_MESSAGE_BYTES_MAX: number = 16 * 1024 * 1024

/** Frames of a channel that go into one write: fewer, larger records cost less than many small ones. */
export const CHANNEL_WRITE_BYTES: number = 64 * 1024

/** A peer that has not taken a write for so long does not read: its stream is opened anew, and what waits may be lost. */
export const CHANNEL_STALLED_MS = 30_000

/** First pause before a stream is opened again; it doubles up to the last. */
export const REOPEN_FIRST_MS = 100
export const REOPEN_LAST_MS = 10_000

/** Streams of one channel that a peer may have open to this node: the one in use, and one that replaces it. */
export const CHANNEL_STREAMS_MAX = 2

/**
 * Bytes that may come on a stream before it is read: the bound on what a peer can put into the memory of one who does
 * not read. The library's 16 MiB would be more than its own buffers take (4 MiB), and it would reset the stream.
 */
export const STREAM_WINDOW_BYTES_MAX: number = 1024 * 1024

/** Streams of a connection, each way. */
export const STREAMS_MAX = 512

export const DIAL_TIMEOUT_MS = 10_000
/** Connections that are not yet secure: so many, for so long. Whoever opens them and is silent holds no more. */
export const INBOUND_PENDING_MAX = 64
export const INBOUND_UPGRADE_TIMEOUT_MS = 5_000

export const STREAM_OPEN_TIMEOUT_MS = 5_000

/** A connection that does not answer a ping is dead: TCP alone takes minutes to say so. */
export const PING_EVERY_MS = 5_000

/**
 * Pings of the monitor and of the application share a protocol, whose default of one at a time makes the monitor end
 * healthy connections.
 */
export const PING_STREAMS_MAX = 16

/** Looks for peers that are connected but not in gossip: after so many looks in a row they are connected to anew. */
export const WATCHDOG_EVERY_MS: number = 2 * GOSSIP_HEARTBEAT_MS
export const WATCHDOG_LOOKS = 2
/** As long as a peer has not been in gossip since it connected. */
export const WATCHDOG_FIRST_LOOKS = 12

/** Below this score a peer is cut off. Five rejected messages of a topic with default parameters are enough. */
export const SCORE_CUT_OFF = -200

/** So long a peer is not let in again after its score fell too low. */
export const CUT_OFF_MS = 600_000

/** In which half of the blame for a fault is gone, and of how many peers it is kept; the last blamed the longest ago go. */
export const BLAME_HALF_LIFE_MS = 60_000
export const BLAMED_PEERS_MAX = 10_000

/**
 * Promises of gossip that are not kept in this time count as a fault of the peer. The library's three seconds would
 * blame a peer for being busy.
 */
export const GOSSIP_PROMISE_MS = 12_000
/** So many faults of gossip, which fade within seconds, are forgiven. */
export const GOSSIP_FAULTS_FORGIVEN = 6

/** What a message of a channel that the listener rejects costs, as `PENALTY_MALFORMED`. */
export const PENALTY_REJECTED = 1
/** What a frame that no correct node sends costs, in points of blame: the square of their sum counts. */
export const PENALTY_MALFORMED = 2
/** What each message over the rate limit costs: some hundreds are cut off. */
export const PENALTY_FLOOD = 0.01

/** Bans that are kept, and peers that are known; the ones with the least time left, or seen the longest ago, go first. */
export const BANS_MAX = 10_000
export const KNOWN_PEERS_MAX = 1_000
export const KNOWN_ADDRESSES_MAX = 8

/** Known peers are written to disk, and once more at the end. */
export const SAVE_EVERY_MS = 60_000

/** Looks for known peers to connect to. */
export const KEEP_EVERY_MS = 1_000
/** Pause before a known peer is tried again; it doubles up to the last, and half of it is left to chance. */
export const REDIAL_FIRST_MS = 500
export const REDIAL_LAST_MS = 60_000
/** Peers that are dialled at a time. */
export const REDIALS_AT_ONCE = 8

/** Queries that wait for an answer of others, from this node. */
export const REQUESTS_MAX = 4_096

/** Bytes on their way to the network's thread: more would only wait there instead of in a queue that has a policy. */
export const PORT_BYTES_MAX: number = 8 * 1024 * 1024

/** Room for what lives for a moment in the network's thread, in MiB (`resourceLimits`). */
export const THREAD_YOUNG_MIB = 96

/** A thread that ends is started anew so many times within the window; one that ends more often is broken. */
export const RESTARTS_MAX = 3
export const RESTART_WINDOW_MS = 60_000

/** Closing waits for peers to be told, and no longer than this. */
export const CLOSE_TIMEOUT_MS = 2_000
