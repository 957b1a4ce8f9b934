/**
 * The layers of src/, read from its imports: what may import what, and which package belongs where. A change here is a
 * change of the design (docs/map.md).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SRC = fileURLToPath(new URL('../src', import.meta.url));

interface Layer {
  /** Other layers it may import. */
  readonly layers: readonly string[];
  readonly packages: readonly string[];
  /** Node's modules; undefined for any. The pure layers do no I/O, so they get only those that compute. */
  readonly builtins?: readonly string[];
}

const PURE = ['node:crypto', 'node:os'];
const PURE_LAYERS = ['model', 'policy', 'config', 'identity', 'protocol'];

const LAYERS: Readonly<Record<string, Layer>> = {
  model: { layers: [], packages: [], builtins: PURE },
  policy: { layers: ['model'], packages: ['zod', 'yaml', 'minimatch', 're2js'], builtins: PURE },
  config: { layers: ['model'], packages: ['zod', 'yaml'], builtins: PURE },
  identity: { layers: ['model'], packages: [], builtins: PURE },
  protocol: { layers: ['model'], packages: ['zod'], builtins: PURE },
  engine: { layers: PURE_LAYERS, packages: ['pino', 'age-encryption'] },
  runner: { layers: ['model'], packages: [] },
  doors: { layers: ['engine', 'identity', 'protocol', 'model'], packages: ['ssh2'] },
  cli: { layers: [...PURE_LAYERS, 'engine', 'runner', 'doors'], packages: ['commander'] },
};
/** Scripts for `sh`: no TypeScript in them. */
const SHELL_FOLDERS = ['vm', 'host'];
/** What is known of the options of tools: data, however long. */
const DATA_FOLDERS = ['profiles'];

const names = readdirSync(SRC, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(SRC, join(entry.parentPath, entry.name)))
  .filter((name) => !DATA_FOLDERS.includes(layerOf(name)));
const files = names.filter((name) => /\.[cm]?[jt]s$/.test(name)).map((name) => ({ name, text: readText(name) }));
const imports = files.flatMap(({ name, text }) => importsOf(text).map((specifier) => ({ name, specifier })));

function readText(name: string): string {
  return readFileSync(join(SRC, name), 'utf8');
}

/** Static and dynamic imports, re-exports, and `import('...')` in types; comments are taken out first. */
function importsOf(text: string): string[] {
  const code = text.replaceAll(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, '');
  const forms = [
    /^\s*(?:import|export)\b[^'";]*?\bfrom\s*'([^']+)'/gm,
    /^\s*import\s*'([^']+)'/gm,
    /\bimport\(\s*'([^']+)'/g,
    /\brequire\(\s*'([^']+)'/g,
  ];
  return forms.flatMap((form) => [...code.matchAll(form)].map((match) => match[1] ?? ''));
}

function layerOf(name: string): string {
  return name.split('/')[0] ?? '';
}

function packageOf(specifier: string): string {
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? '');
}

/** What an import breaks; undefined where it is as it should be. */
function problemOf(name: string, specifier: string): string | undefined {
  const rule = LAYERS[layerOf(name)];
  if (rule === undefined) return `${name}: is in no layer`;
  if (specifier.startsWith('.')) return fileProblem(name, specifier, rule);
  if (isBuiltin(specifier)) return builtinProblem(name, specifier, rule);
  if (rule.packages.includes(packageOf(specifier))) return undefined;
  return `${name}: ${layerOf(name)} imports the package ${specifier}`;
}

function fileProblem(name: string, specifier: string, { layers }: Layer): string | undefined {
  const target = resolve(name, specifier);
  if (target.startsWith('..')) return `${name}: imports ${specifier}, outside src`;
  if (!target.endsWith('.ts')) return `${name}: imports ${specifier} without .ts`;
  const [from, to] = [layerOf(name), layerOf(target)];
  return to === from || layers.includes(to) ? undefined : `${name}: ${from} imports ${to}`;
}

function builtinProblem(name: string, specifier: string, { builtins }: Layer): string | undefined {
  if (!specifier.startsWith('node:')) return `${name}: imports ${specifier} without node:`;
  if (builtins === undefined || builtins.includes(specifier)) return undefined;
  return `${name}: ${layerOf(name)} is pure and imports ${specifier}`;
}

function resolve(name: string, specifier: string): string {
  return relative(SRC, join(SRC, dirname(name), specifier));
}

describe('the layers of src/', () => {
  it('are read: there are files, and imports in them', () => {
    expect(files.length).toBeGreaterThan(100);
    expect(imports.length).toBeGreaterThan(files.length);
    expect(new Set(files.map(({ name }) => layerOf(name)))).toEqual(new Set(Object.keys(LAYERS)));
  });

  it('import only what stands below them, and each package only where it belongs', () => {
    expect(imports.map(({ name, specifier }) => problemOf(name, specifier)).filter(Boolean)).toEqual([]);
  });

  it('notice an import that breaks the rules', () => {
    expect(problemOf('policy/decide.ts', '../engine/gateway.ts')).toBe('policy/decide.ts: policy imports engine');
    expect(problemOf('model/request.ts', 'node:fs')).toBe('model/request.ts: model is pure and imports node:fs');
    expect(problemOf('runner/main.ts', 'pino')).toBe('runner/main.ts: runner imports the package pino');
    expect(problemOf('doors/reply.ts', '../cli/report.ts')).toBe('doors/reply.ts: doors imports cli');
    expect(
      importsOf("import type { A } from './a.ts';\nconst b = await import('./b.ts');\n// from './c.ts'\n"),
    ).toEqual(['./a.ts', './b.ts']);
  });

  it('have one file that imports minimatch, and one folder that imports ssh2', () => {
    const importers = (name: string): string[] => [
      ...new Set(imports.filter(({ specifier }) => packageOf(specifier) === name).map((found) => found.name)),
    ];
    expect(importers('minimatch')).toEqual(['policy/glob.ts']);
    expect(importers('ssh2').filter((name) => !name.endsWith('.d.ts'))).toEqual(['doors/ssh/transport.ts']);
  });

  it('have no cycles', () => {
    const graph = new Map<string, string[]>(files.map(({ name }) => [name, []]));
    for (const { name, text } of files) {
      // Types are gone when the files are loaded, in an order that only the others decide.
      const loaded = importsOf(text.replaceAll(/^(?:import|export) type\b[^;]*;/gm, ''));
      for (const specifier of loaded) if (specifier.startsWith('.')) graph.get(name)?.push(resolve(name, specifier));
    }
    expect([...graph.values()].flat().length).toBeGreaterThan(files.length);
    expect(findCycle(graph)).toBeUndefined();
    expect(
      findCycle(
        new Map([
          ['a', ['b']],
          ['b', ['c']],
          ['c', ['b']],
        ]),
      ),
    ).toEqual(['b', 'c', 'b']);
  });
});

/** The first cycle, as the names along it. */
function findCycle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (name: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name];
    if (done.has(name)) return undefined;
    for (const next of graph.get(name) ?? []) {
      const cycle = visit(next, [...path, name]);
      if (cycle !== undefined) return cycle;
    }
    done.add(name);
    return undefined;
  };
  for (const name of graph.keys()) {
    const cycle = visit(name, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

describe('every file of src/', () => {
  it('has at most 250 lines', () => {
    const long = names.map((name) => ({ name, lines: readText(name).split('\n').length - 1 }));
    expect(long.filter(({ lines }) => lines > 250)).toEqual([]);
  });

  it('begins with a comment that says what it is for', () => {
    const bare = files.filter(({ text }) => !/^(?:#!.*\n)?\/\*\*/.test(text));
    expect(bare.map(({ name }) => name)).toEqual([]);
  });

  it('exports by name, and only what it holds itself', () => {
    // A declaration of somebody else's module must say what that module does.
    const own = files.filter(({ name }) => !name.endsWith('.d.ts'));
    const offenders = own.filter(({ text }) =>
      /^export default\b|^export (?:\*|(?:type )?\{[^}]*\}) from\b/m.test(text),
    );
    expect(offenders.map(({ name }) => name)).toEqual([]);
    expect(own.filter(({ name }) => /(?:^|\/)index\.ts$/.test(name))).toEqual([]);
  });

  it('is TypeScript, or a script for sh where no Node is needed', () => {
    const others = names.filter((name) => !name.endsWith('.ts') && !SHELL_FOLDERS.includes(layerOf(name)));
    expect(others).toEqual([]);
    const strays = files.filter(({ name }) => SHELL_FOLDERS.includes(layerOf(name)));
    expect(strays.map(({ name }) => name)).toEqual([]);
  });
});
