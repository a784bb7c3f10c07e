/** Writes the dashboards to the folder that is named. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dashboardFiles } from './index.ts';

const folder = process.argv[2];
if (folder === undefined) throw new Error('usage: node scripts/dashboards/write.ts FOLDER');
mkdirSync(folder, { recursive: true });
for (const [name, json] of dashboardFiles()) writeFileSync(join(folder, name), json);
