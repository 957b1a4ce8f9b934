import { defineConfig } from 'vitest/config';

/** Measures the gateway's memory while gigabytes pass through it: beside other tests it would measure them too. */
const ALONE = 'test/e2e/streams.test.ts';

const limits = { pool: 'forks' as const, testTimeout: 30_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    maxWorkers: 2,
    reporters:
      process.env['CI'] === undefined ? ['default'] : ['default', ['json', { outputFile: 'coverage/results.json' }]],
    projects: [
      {
        test: {
          ...limits,
          name: 'all',
          include: ['test/**/*.test.ts'],
          exclude: [ALONE],
          globalSetup: ['test/helpers/name-what-is-missing.ts'],
          sequence: { groupOrder: 1 },
        },
      },
      { test: { ...limits, name: 'alone', include: [ALONE], sequence: { groupOrder: 2 } } },
    ],
  },
});
