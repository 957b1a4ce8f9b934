// Prints the milliseconds that 100 policies take to load, which use every profile there is, in a process that has loaded
// nothing before.
import { builtInProfileNames, loadProfiles } from '../dist/engine/profile-files.js';
import { loadPolicy } from '../dist/policy/load.js';

const names = builtInProfileNames();
const texts = Array.from({ length: 100 }, (_, index) => {
  const name = names[index % names.length] ?? '';
  return `version: 1\ntools:\n  ${name}:\n    type: cli\n    binary: /usr/bin/true\n    argv_allow_patterns:\n      - "--version"\n      - "--help"\n    tests:\n      - deny: nothing at-all\n`;
});
const started = performance.now();
const profiles = loadProfiles(null);
for (const text of texts) {
  const loaded = loadPolicy({ name: 'bench', file: 'bench.yaml', text, profiles });
  if (!('policy' in loaded)) throw new Error(JSON.stringify(loaded.problems));
}
console.log(performance.now() - started);
