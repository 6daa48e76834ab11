"""The look of a replay's report: one style sheet, light and dark, from a wide screen to a telephone."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root {
  color-scheme: light dark;
  --page: #fbfaf7; --card: #ffffff; --ink: #1d232b; --soft: #5c6672; --line: #e2ded6; --accent: #1f5f8b;
  --critical: #b4123f; --major: #e2622b; --minor: #e0a32e; --warning: #5b9bc9; --indeterminate: #98a2ad;
  --cleared: #6a9f7b; --added: #2c7fb8; --gone: #c05b8a; --changed: #8a6fc0; --quiet: #c9ced4;
  --candidate: #1f5f8b; --base: #98a2ad;
  --incident: rgba(31, 95, 139, 0.12); --heat-low: #f3f1ec; --heat-high: #e39cc0; --good: #2f7d4f; --bad: #b4123f;
  --shadow: 0 1px 2px rgba(30, 35, 45, .06), 0 4px 16px rgba(30, 35, 45, .05);
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171c; --card: #1c2027; --ink: #e8e6e1; --soft: #9aa4b0; --line: #30363f; --accent: #7cb7e0;
    --critical: #f0527a; --major: #f2854f; --minor: #ecbd5a; --warning: #78b4de; --indeterminate: #7d8894;
    --cleared: #82bd95; --added: #63b0e0; --gone: #dd86ae; --changed: #ab95dd; --quiet: #4a525d;
    --candidate: #7cb7e0; --base: #7d8894;
    --incident: rgba(124, 183, 224, 0.17); --heat-low: #262b33; --heat-high: #9c4675; --good: #74c497; --bad: #f0527a;
    --shadow: none;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans CJK SC", sans-serif;
}
main { max-width: 1080px; margin: 0 auto; padding: 40px 24px 64px; }
header { margin-bottom: 28px; }
.kicker { color: var(--accent); font-weight: 600; letter-spacing: .02em; margin: 0 0 6px; }
h1 { font-size: clamp(26px, 4.6vw, 40px); line-height: 1.15; letter-spacing: -.02em; margin: 0 0 12px; }
h2 { font-size: 21px; letter-spacing: -.01em; margin: 44px 0 4px; }
h3 { font-size: 16px; margin: 24px 0 4px; }
.lead { color: var(--soft); font-size: 17px; max-width: 46em; margin: 0; }
.lead b { color: var(--ink); font-weight: 600; }
.about { color: var(--soft); margin: 0 0 12px; max-width: 46em; font-size: 15px; }
.tiles {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(118px, 1fr)); gap: 12px; margin: 26px 0 8px;
}
.card, .tile { background: var(--card); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shadow); }
.tile { padding: 12px 16px; }
.tile b { display: block; font-size: 26px; line-height: 1.2; letter-spacing: -.02em; }
.tile span { color: var(--soft); font-size: 14px; }
.tile.added b { color: var(--added); } .tile.gone b { color: var(--gone); } .tile.changed b { color: var(--changed); }
.card { padding: 12px; }
.plot { min-height: 120px; overflow: hidden; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(440px, 100%), 1fr)); gap: 8px 20px; }
.pair > section { min-width: 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 15px; }
th { text-align: left; color: var(--soft); font-weight: 600; font-size: 13.5px; }
th, td { padding: 7px 12px; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td:first-child { min-width: 8em; }
tr.plain td { color: var(--soft); }
tr.ours td:first-child { font-weight: 600; }
.chip { display: inline-flex; align-items: center; gap: 7px; font-size: 14.5px; font-weight: 600; white-space: nowrap; }
.chip::before { content: ""; width: 10px; height: 10px; border-radius: 3px; background: var(--chip); }
details.alert {
  background: var(--card); border: 1px solid var(--line); border-radius: 10px; margin: 8px 0; overflow: hidden;
}
details.alert > summary {
  list-style: none; cursor: pointer; padding: 10px 14px; display: grid; gap: 2px 12px; align-items: baseline;
  grid-template-columns: 14px 9.2em 7.4em minmax(0, 1fr);
}
details.alert > summary::-webkit-details-marker { display: none; }
details.alert > summary::before { content: "▸"; color: var(--soft); transition: transform .12s; }
details.alert[open] > summary::before { transform: rotate(90deg); }
details.alert > summary:focus-visible { outline: 2px solid var(--accent); outline-offset: -2px; }
.when { color: var(--soft); font-variant-numeric: tabular-nums; font-size: 14.5px; white-space: nowrap; }
.what { overflow-wrap: anywhere; }
.what .rule { color: var(--soft); }
.how { grid-column: 4; color: var(--changed); font-size: 14.5px; font-weight: 600; }
.how.gone { color: var(--gone); } .how.added { color: var(--added); }
.truth { font-size: 13px; font-weight: 600; white-space: nowrap; margin-left: 4px; }
td small { display: block; color: var(--soft); font-size: 12.5px; font-weight: 400; }
td small.name { display: block; max-width: 22em; overflow-wrap: anywhere; }
td.yes small, td.no small { color: inherit; }
table.scores th, table.scores td { padding: 7px 6px; } table.scores th { white-space: normal; vertical-align: bottom; }
table.scores { font-size: 14px; } table.scores td:first-child { min-width: 11em; }
table.grid th, table.grid td { text-align: center; padding: 5px 8px; white-space: nowrap; }
table.grid td:first-child { text-align: left; } table.grid a { text-decoration: none; }
nav { margin: 14px 0 0; } nav a, .about a { color: var(--accent); }
.inside { border-top: 1px solid var(--line); padding: 10px 14px 14px 40px; }
.inside dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 14px; margin: 0 0 10px; }
.inside dl { font-size: 14.5px; }
.inside dt { color: var(--soft); } .inside dd { margin: 0; overflow-wrap: anywhere; }
ol.evidence { list-style: none; margin: 0; padding: 0; }
ol.evidence > li { border-left: 3px solid var(--line); padding: 2px 0 2px 12px; margin: 8px 0; }
.quote { overflow-wrap: anywhere; }
.small { font-size: 14px; color: var(--soft); overflow-wrap: anywhere; }
.said { font-size: 14px; }
.said .from { color: var(--gone); } .said .to { color: var(--added); font-weight: 600; }
code { font: 13.5px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.yes { color: var(--good); } .no { color: var(--bad); }
details.more { margin: 10px 0; } details.more > summary { cursor: pointer; color: var(--accent); font-size: 15px; }
details.more > *:last-child { margin-top: 8px; }
ul.notes { padding-left: 20px; color: var(--soft); font-size: 15px; }
footer { margin-top: 56px; padding-top: 16px; border-top: 1px solid var(--line); color: var(--soft); font-size: 14px; }
@media (max-width: 640px) {
  main { padding: 24px 14px 48px; }
  .tiles { grid-template-columns: repeat(3, 1fr); gap: 8px; }
  .tile { padding: 9px 11px; } .tile b { font-size: 21px; } .tile span { font-size: 13px; }
  .card { padding: 6px; }
  details.alert > summary { grid-template-columns: 14px max-content 1fr; }
  .what, .how { grid-column: 2 / -1; }
  .inside { padding: 10px 12px 12px; }
  th, td { padding: 6px 8px; }
}
@media print { details.alert { break-inside: avoid; } body { background: #fff; } }
"""

# Draws the figures with the page's own colours, and again when the reader's theme changes.
SCRIPT: Final = """
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const paint = (value) => {
    if (value === "--heat") return [[0, css("--heat-low")], [1, css("--heat-high")]];
    if (typeof value === "string" && value.startsWith("--")) return css(value);
    if (Array.isArray(value)) return value.map(paint);
    if (value && typeof value === "object")
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, paint(one)]));
    return value;
  };
  const draw = () => {
    const narrow = window.innerWidth < 640;
    for (const [id, figure] of Object.entries(figures)) {
      const { data, layout } = paint(figure);
      const axis = { gridcolor: css("--line"), zerolinecolor: css("--soft"), fixedrange: true };
      const whole = {
        ...layout,
        autosize: true,
        font: { family: getComputedStyle(document.body).fontFamily, size: narrow ? 12 : 13.5, color: css("--ink") },
        paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
        margin: { l: narrow ? 40 : 56, r: 16, t: 36, b: 40, ...layout.margin },
        xaxis: { ...axis, ...layout.xaxis, nticks: narrow ? 5 : 10 }, yaxis: { ...axis, ...layout.yaxis },
        hoverlabel: { bgcolor: css("--card"), bordercolor: css("--line"), align: "left" },
      };
      Plotly.react(id, data, whole, { displayModeBar: false, responsive: true });
    }
  };
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
"""
