/** `carapace policy schema`: the policy language for editors (JSON Schema) or, with `--reference`, for people. */
import { policyJsonSchema, policyReference } from '../policy/json-schema.ts';
import { EXIT, print } from './report.ts';

export interface PolicySchemaOptions {
  /** Print the reference page instead, in Markdown. */
  readonly reference?: boolean;
}

/** Runs the command. */
export async function run({ reference = false }: PolicySchemaOptions): Promise<number> {
  print(reference ? policyReference().trimEnd() : JSON.stringify(policyJsonSchema(), null, 2));
  return EXIT.ok;
}
