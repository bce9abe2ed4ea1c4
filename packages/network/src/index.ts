export type * from './network.ts'
export { type QueueSpec, URGENCIES, type Urgency } from './queue-spec.ts'
