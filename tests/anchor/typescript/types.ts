/** Writes `types/multibus.ts`, the IDL as a type, as `anchor build` writes it to `target/types`. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { convertIdlToCamelCase, type Idl } from '@anchor-lang/core';

import idl from '../../../idl/multibus.json';

const folder = join(__dirname, 'types');
mkdirSync(folder, { recursive: true });
const type = JSON.stringify(convertIdlToCamelCase(idl as unknown as Idl), null, 2);
writeFileSync(
  join(folder, 'multibus.ts'),
  `/** The IDL as a type, for \`Program<Multibus>\`. */\nexport type Multibus = ${type};\n`,
);
