/** Argparse4j and picocli, which tools in Java use: one program that reads many lists, as Debian has the two. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import type { ReadCall } from '../../../src/policy/profile/read-call.ts';
import { argumentLists } from './lists.ts';
import { answers, compare, expectAgreement, inDirectory, isInstalled, operandsOf, smallProfile } from './real-tool.ts';

const LIBRARIES = '/usr/share/java/argparse4j.jar:/usr/share/java/picocli.jar';

/** The names stand in the same order as in the options of the profile. */
const OPTIONS = `
  safe: |
    -a, --all
    -b, --brief
    --colorful
    -o, --output <text>
    --outputs <text>
    -n <text>
    -m, --many <text>...
`;

const PROGRAM = `
import java.util.*;
import java.util.regex.*;
import java.util.stream.*;
import net.sourceforge.argparse4j.ArgumentParsers;
import net.sourceforge.argparse4j.impl.Arguments;
import net.sourceforge.argparse4j.inf.*;
import picocli.CommandLine;
import picocli.CommandLine.Model.*;

public class Program {
  static final String[][] SWITCHES = {{"-a", "--all"}, {"-b", "--brief"}, {"--colorful"}};
  static final String[][] VALUES = {{"-o", "--output"}, {"--outputs"}, {"-n"}};
  static final String[] MANY = {"-m", "--many"};

  static String last(String[] names) { return names[names.length - 1]; }
  static String key(String[] names) { return last(names).replaceAll("^-+", ""); }

  static SortedMap<String, List<String>> byArgparse4j(String[] list) throws Exception {
    ArgumentParser parser = ArgumentParsers.newArgumentParser("t", false);
    for (String[] names : SWITCHES) parser.addArgument(names).action(Arguments.storeTrue());
    for (String[] names : VALUES) parser.addArgument(names).action(Arguments.append());
    parser.addArgument(MANY).nargs("+").action(Arguments.append());
    parser.addArgument("rest").nargs("*");
    Namespace read = parser.parseArgs(list);
    SortedMap<String, List<String>> shown = new TreeMap<>();
    for (String[] names : SWITCHES) if (read.getBoolean(key(names))) shown.put(last(names), List.of());
    for (String[] names : VALUES) if (read.getList(key(names)) != null) shown.put(last(names), read.getList(key(names)));
    List<List<String>> many = read.getList("many");
    if (many != null) shown.put("--many", many.stream().flatMap(List::stream).collect(Collectors.toList()));
    shown.put("rest", read.getList("rest"));
    return shown;
  }

  static SortedMap<String, List<String>> byPicocli(String[] list) {
    CommandSpec spec = CommandSpec.create();
    for (String[] names : SWITCHES) spec.addOption(OptionSpec.builder(names).type(boolean[].class).arity("0").build());
    for (String[] names : VALUES) spec.addOption(OptionSpec.builder(names).type(String[].class).arity("1").build());
    spec.addOption(OptionSpec.builder(MANY).type(String[].class).arity("1..*").build());
    spec.addPositional(PositionalParamSpec.builder().type(String[].class).arity("0..*").build());
    CommandLine.ParseResult read = new CommandLine(spec).parseArgs(list);
    SortedMap<String, List<String>> shown = new TreeMap<>();
    for (String[] names : SWITCHES) if (read.hasMatchedOption(last(names))) shown.put(last(names), List.of());
    for (String[] names : new String[][] {VALUES[0], VALUES[1], VALUES[2], MANY})
      if (read.hasMatchedOption(last(names))) shown.put(last(names), read.matchedOption(last(names)).stringValues());
    shown.put("rest", read.matchedPositionals().stream().limit(1).flatMap(p -> p.stringValues().stream()).collect(Collectors.toList()));
    return shown;
  }

  static String json(String text) {
    return '"' + text.replaceAll("[\\\\\\\\\\"]", "_").replaceAll("\\\\s", " ") + '"';
  }

  public static void main(String[] args) throws Exception {
    Scanner lines = new Scanner(System.in, "UTF-8");
    java.io.PrintStream out = new java.io.PrintStream(System.out, true, "UTF-8");
    while (lines.hasNextLine()) {
      String[] list = Pattern.compile("\\"([^\\"]*)\\"").matcher(lines.nextLine()).results().map(each -> each.group(1)).toArray(String[]::new);
      try {
        SortedMap<String, List<String>> shown = args[0].equals("picocli") ? byPicocli(list) : byArgparse4j(list);
        out.println(shown.entrySet().stream()
          .map(e -> "[" + Stream.concat(Stream.of(e.getKey()), e.getValue().stream()).map(Program::json).collect(Collectors.joining(",")) + "]")
          .collect(Collectors.joining(",", "{\\"shown\\":[", "]}")));
      } catch (Exception error) {
        out.println("{\\"refused\\":" + json(String.valueOf(error.getMessage())) + "}");
      }
    }
  }
}
`;

/** All values of each option together, and the operands, by their names in the order of the alphabet. */
function grouped(call: ReadCall): string[][] {
  const groups = new Map<string, string[]>();
  for (const { spec, values } of call.options) {
    const name = spec.names.at(-1) ?? '';
    groups.set(name, [...(groups.get(name) ?? []), ...values]);
  }
  groups.set('rest', operandsOf(call));
  return [...groups].map(([name, values]) => [name, ...values]).sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
}

const hasAll =
  isInstalled('javac', '-version') &&
  isInstalled('test', '-e', '/usr/share/java/argparse4j.jar', '-a', '-e', '/usr/share/java/picocli.jar');

describe.skipIf(!hasAll)('java', () => {
  it.each(['argparse4j', 'picocli'])('%s reads as the dialect does', async (dialect) => {
    const profile = smallProfile(`parser: ${dialect}\noptions:${OPTIONS}operands: "[<text>...]"\n`);
    const lists = argumentLists(profile, { count: 400 });
    const seen = await inDirectory((cwd) => {
      writeFileSync(join(cwd, 'Program.java'), PROGRAM);
      return answers('java', ['-XX:TieredStopAtLevel=1', '-cp', LIBRARIES, 'Program.java', dialect], lists, { cwd });
    });
    expectAgreement(compare(profile, lists, seen, grouped), {
      agreed: 60,
      stricter: /is not known|needs a value|is not clear|takes no value|may take what follows/,
      looser: /unrecognized arguments|expected \d|xpected parameter|should be specified|nknown option/,
    });
  });
});
