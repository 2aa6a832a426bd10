// Small line charts in SVG: one or two series over the last two minutes, the newest value beside them in words.

import { SECONDS_KEPT } from './statistics.js';

const CHARTS = [
  { title: 'Bitrate', unit: 'kbit/s', floor: 100, lines: [['in', 'kilobitsIn'], ['out', 'kilobitsOut']] },
  { title: 'Loss', unit: '%', floor: 5, lines: [['in', 'lossPercent']] },
  { title: 'Round trip', unit: 'ms', floor: 50, lines: [['in', 'roundTripMs']] },
  { title: 'Frame rate', unit: 'frames/s', floor: 30, lines: [['in', 'framesIn'], ['out', 'framesOut']] },
];

const SVG = 'http://www.w3.org/2000/svg';
const HEIGHT = 40;

const make = (name, attributes = {}, parent = null) => {
  const element = name === 'svg' || name === 'path' ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent?.append(element);
  return element;
};

function makeChart(parent, { title, lines, unit, floor }) {
  const box = make('div', { class: 'chart' }, parent);
  make('h3', {}, box).textContent = title;
  const svg = make('svg', { viewBox: `0 0 ${SECONDS_KEPT} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, box);
  const paths = lines.map(([name]) => make('path', { class: name }, svg));
  const words = make('p', {}, box);
  return (points) => {
    const top = Math.max(floor, ...points.flatMap((point) => lines.map(([, member]) => point[member])));
    const x = (i) => SECONDS_KEPT - points.length + i + 0.5;
    const y = (value) => HEIGHT - 1 - (value / top) * (HEIGHT - 2);
    lines.forEach(([, member], line) => {
      paths[line].setAttribute('d', points.map((point, i) => `${i === 0 ? 'M' : 'L'}${x(i)} ${y(point[member]).toFixed(1)}`).join(''));
    });
    const newest = points.at(-1);
    const rounded = (value) => (value < 10 ? Math.round(10 * value) / 10 : Math.round(value));
    const said = newest && lines.map(([name, member]) => `${lines.length > 1 ? `${name} ` : ''}${rounded(newest[member])}`).join(', ');
    words.textContent = newest ? `${said} ${unit}, of ${Math.round(top)} at the top` : 'nothing yet';
  };
}

// Returns a function that draws all charts from the points of Statistics.
export function makeCharts(parent) {
  const charts = CHARTS.map((chart) => makeChart(parent, chart));
  const draw = (points) => charts.forEach((chart) => chart(points));
  draw([]);
  return draw;
}
