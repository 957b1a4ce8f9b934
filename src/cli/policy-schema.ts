/** `carapace policy schema`: policies and profiles for editors (JSON Schema) or, with `--reference`, for people. */
import { policyJsonSchema, policyReference, profileJsonSchema, profileReference } from '../policy/json-schema.ts';
import { EXIT, print } from './report.ts';

export interface PolicySchemaOptions {
  /** Of profiles instead of policies. */
  readonly profile?: boolean;
  /** Print the reference page instead, in Markdown. */
  readonly reference?: boolean;
}

/** Runs the command. */
export async function run({ profile = false, reference = false }: PolicySchemaOptions): Promise<number> {
  const page = profile ? profileReference : policyReference;
  const schema = profile ? profileJsonSchema : policyJsonSchema;
  print(reference ? page().trimEnd() : JSON.stringify(schema(), null, 2));
  return EXIT.ok;
}
