/** Named limits of consensus, each with its reason. What happens at the limit is tested. */

/** Seats of one committee: signer bitmaps and ed25519 lists stay within what a block's certificate may take. */
export const SEATS_MAX: number = 1024
/** One encoded head: the anchor head has under 400 bytes. */
export const HEAD_BYTES_MAX: number = 512
/** One payload: what one log record and one message may hold. */
export const PAYLOAD_BYTES_MAX: number = 64 * 1024 * 1024
/** One signature of any scheme. */
export const SIGNATURE_BYTES_MAX: number = 96
/** Encoded evidence: two votes of the longest signatures, and where they were cast, have under 300 bytes. */
export const EVIDENCE_BYTES_MAX: number = 320
/** Proof of a certificate: 1023 ed25519 signatures. */
export const PROOF_BYTES_MAX: number = 65_472
/**
 * Blocks that may stand on the last final one: bounds what is kept in memory, and the path in a certificate of a block
 * that became final through one above it. A leader that finds as many repeats the last of them instead.
 */
export const UNFINALISED_BLOCKS_MAX: number = 128
/** Ancestors asked for, and answered, at once. */
export const RANGE_BLOCKS_MAX: number = 64
/** Bytes of payloads in one answer, unless a single block has more. */
export const RANGE_BYTES_MAX: number = 4 * 1024 * 1024
/** Views whose certificates may be asked for, and answered, at once. */
export const RANGE_VIEWS_MAX: number = 64
/** Final blocks kept to answer who is a little behind; who is further behind fetches from the shell. */
export const RECENT_BLOCKS_MAX: number = 128
/** And their bytes. */
export const RECENT_BYTES_MAX: number = 16 * 1024 * 1024
/** Views behind the current one whose votes are still counted: later ones could only make known certificates. */
export const TALLY_VIEWS_MAX: number = 16
/** Requests under way at once, to all peers. */
export const REQUESTS_MAX: number = 64
/** Peers whose last answer is remembered, so that each is answered no more often than makes sense. */
export const PEERS_MAX: number = 4096
/** Peers of which a shell keeps account: those of a committee, and as many again that are not in it. */
export const GUARDED_PEERS_MAX: number = 4096
/** Finalisations between two checkpoints of the engine's records. */
export const CHECKPOINT_BLOCKS: number = 64
/** Faults of one peer in one Delta before it is not listened to for the rest of it: some 50 ms of signature checks. */
export const PEER_FAULTS_MAX: number = 16
/** Proofs of possession remembered as valid, of 300 characters each. */
export const POSSESSIONS_KEPT: number = 4096
