import { CaravanError } from '../core/errors.ts'

/** The lab could not do what was asked of it. */
export class LabError extends CaravanError {}
