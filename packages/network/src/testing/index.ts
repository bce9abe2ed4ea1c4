export { type AcceptanceCase, type NetworkSubject, networkAcceptance } from './acceptance.ts'
