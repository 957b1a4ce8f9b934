#!/usr/bin/env node
/**
 * The entry point of `carapace`. It imports nothing at first, so that a Node which is too old for the rest says so in
 * one line instead of failing on its syntax.
 */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`carapace: error: node: this is ${process.versions.node}, at least 20.19 is needed\n`);
  process.stderr.write(
    'carapace: hint: README.md says how to get a newer Node where a distribution ships an older one\n',
  );
  process.exitCode = 78;
} else {
  // A reader that has seen enough (`carapace audit | head`) is no failure; any other error of stdout is an I/O error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 74));
  // Where stderr is gone there is nobody left to tell, and that must not end a gateway.
  process.stderr.on('error', () => undefined);
  const { runProgram } = await import('./program.ts');
  process.exitCode = await runProgram(process.argv.slice(2));
}
