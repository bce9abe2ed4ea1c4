export { World } from './world.ts'
