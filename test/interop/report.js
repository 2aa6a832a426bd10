// docs/interop.md has a part that the runs write: what came of each case, last time that it was played. smoke.sh does it after a run of all cases.
//
// Usage: node report.js FILE RESULTS      rewrites the part of FILE between the two marks from RESULTS (results.json of INTEROP_OUTPUT)

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const BEGIN = '<!-- written by test/interop/report.js -->', END = '<!-- until here -->';

// ---- what is kept of a run: by name of the case, { complaints, version, date } ------------------------------------------------------

const readResults = async (file) => (existsSync(file) ? JSON.parse(await readFile(file, 'utf8')) : {});

export async function remember(output, name, { complaints, version }) {
  const file = join(output, 'results.json');
  const results = { ...(await readResults(file)), [name]: { complaints, version, date: new Date().toISOString().slice(0, 10) } };
  await writeFile(file, JSON.stringify(results, null, 1));
}

// ---- tables: pure ---------------------------------------------------------------------------------------------------------------------

const isRed = (result) => result.complaints.length > 0;
const markOf = (result) => (!result ? 'not played' : isRed(result) ? '**red**' : 'green');
const table = (head, rows) => [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
const unique = (values) => [...new Set(values)];

// One row for each rowOf(), one column for each columnOf(); what several cases share a cell are one after another.
function grid(cases, corner, rowOf, columnOf, markOfCase) {
  const columns = unique(cases.map(columnOf));
  return table([corner, ...columns], unique(cases.map(rowOf)).map((row) => [
    row, ...columns.map((column) => cases.filter((c) => rowOf(c) === row && columnOf(c) === column).map(markOfCase).join(', ')),
  ]));
}

const isPlain = (c) => c.media?.length === 2 && !c.event && !c.codecs;
const roleOf = (c) => `${c.peer}, ${c.role}${c.flow ? `: ${c.flow}` : ''}`;

// results: as remember() keeps them; packages: { name: version }.
export function report(cases, nameOf, results, packages) {
  const mark = (c) => markOf(results[nameOf(c)]);
  const played = cases.map((c) => ({ c, result: results[nameOf(c)] })).filter(({ result }) => result);
  const red = played.filter(({ result }) => isRed(result));
  const dates = played.map(({ result }) => result.date).sort();
  const seen = unique(played.map(({ c, result }) => result.version && `${c.peer}: ${result.version}`)).filter(Boolean);
  const inCall = cases.filter((c) => c.event), others = cases.filter((c) => c.media && !c.event && !isPlain(c));
  const browserRole = (c) => `${c.peer} ${c.role === 'offerer' ? 'offers' : 'answers'}`;
  return [
    `${played.length} of ${cases.length} cases played, ${played.length - red.length} green, ${red.length} red; ${unique([dates[0], dates.at(-1)]).join(' to ')}.`,
    [...seen, ...Object.entries(packages).map(([name, version]) => `Debian's ${name} ${version}`)].join('; ') + '.',
    'Audio and video, both ways unless the row says another flow:', grid(cases.filter(isPlain), 'peer, its role', roleOf, (c) => c.network, mark),
    'Other media:', grid(others, 'peer, its role', roleOf, (c) => `${nameOf({ media: c.media, codecs: c.codecs })}, ${c.network}`, mark),
    'In the middle of a call:', grid(inCall, 'event, network', (c) => `${c.event}, ${c.network}`, roleOf, mark),
    'Shapes:', grid(cases.filter((c) => c.shape), 'shape', (c) => c.shape, browserRole, mark),
    'Scenes, the polite one is the first or the second:', grid(cases.filter((c) => c.scene), 'scene', (c) => c.scene, browserRole, (c) => `${c.polite}: ${mark(c)}`),
    'Data channels:', grid(cases.filter((c) => c.dataScene), 'peer, its role', roleOf, (c) => c.dataScene, mark),
    'The page that signaling-server serves ([page.md](page.md)):', grid(cases.filter((c) => c.pageScene), 'scene, network', (c) => `${c.pageScene}, ${c.network}`, (c) => c.peer, mark),
    'WHIP and WHEP: caller against endpoints of others:', grid(cases.filter((c) => c.endpoint), 'endpoint, network', (c) => `${c.endpoint}, ${c.network}`, (c) => `${c.peer}, ${c.role}`, mark),
    ...(red.length === 0 ? [] : ['Red ones:', red.map(({ c, result }) => `- ${nameOf(c)} (${result.date}): ${c.red ? `${c.red} ` : ''}${result.complaints.join('; ')}`).join('\n')]),
  ].join('\n\n');
}

export function withReport(text, written) {
  const begin = text.indexOf(BEGIN), end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Error('the marks are missing');
  return `${text.slice(0, begin)}${BEGIN}\n\n${written}\n\n${text.slice(end)}`;
}

// ---- the program -------------------------------------------------------------------------------------------------------------------------

function packageVersion(name) {
  try {
    return execFileSync('dpkg-query', ['-W', '-f', '${Version}', name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return null;
  }
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [, , file, resultsFile] = process.argv;
  const { cases, nameOf } = await import('./cases.js');
  const packages = Object.fromEntries(['chromium', 'firefox-esr', 'coturn'].map((name) => [name, packageVersion(name)]).filter(([, version]) => version));
  await writeFile(file, withReport(await readFile(file, 'utf8'), report(cases, nameOf, await readResults(resultsFile), packages)));
}
