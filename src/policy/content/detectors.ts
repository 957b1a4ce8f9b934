/** Every detector, and the names by which a policy asks for them. */
import type { Detector } from './detector.ts';
import { DATA_DETECTORS } from './detectors-data.ts';
import { HOST_DETECTORS } from './detectors-hosts.ts';
import { KEY_DETECTORS } from './detectors-keys.ts';
import { SERVICE_DETECTORS } from './detectors-services.ts';

/** All of them, in the order of the reference page. Names are part of the policy language: none is ever renamed. */
export const DETECTORS: readonly Detector[] = [
  ...KEY_DETECTORS,
  ...HOST_DETECTORS,
  ...SERVICE_DETECTORS,
  ...DATA_DETECTORS,
];

/** Names that stand for several detectors. */
export const DETECTOR_GROUPS: ReadonlyMap<string, readonly Detector[]> = new Map([
  ['provider-tokens', DETECTORS.filter((detector) => detector.provider)],
]);

/** The detectors of a name or of a group's name; undefined for a name that is neither. */
export function detectorsNamed(name: string): readonly Detector[] | undefined {
  const one = DETECTORS.find((detector) => detector.name === name);
  return one === undefined ? DETECTOR_GROUPS.get(name) : [one];
}
