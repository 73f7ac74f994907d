/**
 * Lines over two axes as an SVG, written by hand (docs/decisions/007): no fonts, scripts or addresses in it, its colours
 * follow the reader's light or dark theme, and each line has a marker of its own for those who cannot tell the colours
 * apart (the palette is Okabe and Ito's).
 */
import { type Axis, type AxisOptions, axisOf } from "./axis.ts";
import { figure } from "./figures.ts";

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface LinePlot {
  readonly title: string;
  readonly x: AxisOptions;
  readonly y: AxisOptions;
  readonly series: readonly Series[];
}

const WIDTH = 860;
const HEIGHT = 440;
/** The legend stands to the right of the plane. */
const PLANE = { left: 84, top: 44, width: 490, height: 330 } as const;
const LEGEND_LEFT = PLANE.left + PLANE.width + 24;
const LEGEND_ROW = 24;
const MARKER = 5;

const STYLE = `
  svg { --ink: #1f2328; --faint: #d1d9e0; --paper: #ffffff;
    --s0: #0072b2; --s1: #d55e00; --s2: #009e73; --s3: #cc79a7; --s4: #b8860b; --s5: #56b4e9; }
  @media (prefers-color-scheme: dark) {
    svg { --ink: #e6edf3; --faint: #3d444d; --paper: #0d1117;
      --s0: #58a6ff; --s1: #ff8c42; --s2: #2dcc97; --s3: #e8a0c8; --s4: #e3c04b; --s5: #8fd3ff; }
  }
  text { font: 13px system-ui, sans-serif; fill: var(--ink); }
  .title { font-weight: 600; font-size: 15px; }
  .paper { fill: var(--paper); }
  .grid { stroke: var(--faint); }
  .line { fill: none; stroke-width: 2; }
`;
const COLOURS = 6;

/** The SVG. Throws RangeError where there is nothing to show, or a value that its axis cannot. */
export function linePlot({ title, x, y, series }: LinePlot): string {
  const points = series.flatMap((each) => each.points);
  const plane = new Plane(
    axisOf(
      x,
      points.map(([value]) => value),
    ),
    axisOf(
      y,
      points.map(([, value]) => value),
    ),
  );
  const parts = [
    `<rect class="paper" width="${WIDTH}" height="${HEIGHT}"/>`,
    text(title, { x: PLANE.left, y: 26, className: "title" }),
    ...plane.frame(),
    ...series.map((each, index) => plane.line(each, index)),
    ...series.map((each, index) => legendRow(each, index)),
  ];
  const box = `viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${box} role="img">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
${parts.join("\n")}
</svg>
`;
}

class Plane {
  readonly #x: Axis;
  readonly #y: Axis;

  constructor(x: Axis, y: Axis) {
    this.#x = x;
    this.#y = y;
  }

  frame(): string[] {
    const { left, top, width, height } = PLANE;
    const bottom = top + height;
    const middle = top + height / 2;
    return [
      ...this.#x.ticks.flatMap((tick) => {
        const at = this.#across(tick);
        return [
          `<path class="grid" d="M${at} ${top}V${bottom}"/>`,
          text(figure(tick), { x: at, y: bottom + 20, anchor: "middle" }),
        ];
      }),
      ...this.#y.ticks.flatMap((tick) => {
        const at = this.#up(tick);
        return [
          `<path class="grid" d="M${left} ${at}H${left + width}"/>`,
          text(figure(tick), { x: left - 8, y: at + 4, anchor: "end" }),
        ];
      }),
      text(this.#x.label, { x: left + width / 2, y: bottom + 46, anchor: "middle" }),
      `<g transform="rotate(-90 20 ${middle})">${text(this.#y.label, { x: 20, y: middle, anchor: "middle" })}</g>`,
    ];
  }

  line({ points }: Series, index: number): string {
    const places = points.map(([x, y]) => [this.#across(x), this.#up(y)] as const);
    const path = places.map(([x, y], at) => `${at === 0 ? "M" : "L"}${x} ${y}`).join("");
    const markers = places.map(([x, y]) => marker(index, x, y)).join("");
    return `<path class="line" stroke="${colour(index)}" d="${path}"/>${markers}`;
  }

  #across(value: number): number {
    return rounded(PLANE.left + this.#x.position(value) * PLANE.width);
  }

  #up(value: number): number {
    return rounded(PLANE.top + (1 - this.#y.position(value)) * PLANE.height);
  }
}

function legendRow({ name }: Series, index: number): string {
  const y = PLANE.top + LEGEND_ROW * (index + 0.5);
  const label = text(name, { x: LEGEND_LEFT + 16, y: y + 4 });
  return `${marker(index, LEGEND_LEFT, y)}${label}`;
}

/** A disc, a square, a triangle or a diamond. */
function marker(index: number, x: number, y: number): string {
  const fill = `fill="${colour(index)}"`;
  const r = MARKER;
  switch (index % 4) {
    case 0:
      return `<circle ${fill} cx="${x}" cy="${y}" r="${r}"/>`;
    case 1:
      return `<rect ${fill} x="${rounded(x - r)}" y="${rounded(y - r)}" width="${2 * r}" height="${2 * r}"/>`;
    case 2:
      return `<path ${fill} d="M${x} ${rounded(y - r)}l${r} ${2 * r}h${-2 * r}z"/>`;
    default:
      return `<path ${fill} d="M${x} ${rounded(y - r)}l${r} ${r}l${-r} ${r}l${-r} ${-r}z"/>`;
  }
}

function colour(index: number): string {
  return `var(--s${index % COLOURS})`;
}

interface TextPlace {
  readonly x: number;
  readonly y: number;
  readonly anchor?: "middle" | "end";
  readonly className?: string;
}

function text(content: string, { x, y, anchor, className }: TextPlace): string {
  const attributes = [
    ...(className === undefined ? [] : [`class="${className}"`]),
    ...(anchor === undefined ? [] : [`text-anchor="${anchor}"`]),
  ];
  return `<text x="${x}" y="${y}" ${attributes.join(" ")}>${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
