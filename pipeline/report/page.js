"use strict";
// Inflates plotly.js out of the page (its hash is in the page's policy), draws the charts, and draws them again in another theme.
(async () => {
  const read = (id) => document.getElementById(id).textContent;
  const packed = Uint8Array.from(atob(read("plotly")), (letter) => letter.charCodeAt(0));
  const inflated = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const script = document.createElement("script");
  script.textContent = await new Response(inflated).text();
  document.head.append(script);

  const figures = JSON.parse(read("figures"));
  const root = document.documentElement;
  const themed = (value, theme) => {
    if (Array.isArray(value)) return value.map((item) => themed(item, theme));
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, themed(item, theme)]));
    const name = typeof value === "string" && /^var\((--[a-z0-9-]+)\)$/.exec(value);
    return name ? theme.getPropertyValue(name[1]).trim() : value;
  };
  const draw = () => {
    const theme = getComputedStyle(root);
    for (const [id, figure] of Object.entries(figures)) {
      const { data, layout } = themed(figure, theme);
      Plotly.react(id, data, layout, { displayModeBar: false, responsive: true });
    }
  };
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  addEventListener("beforeprint", () => { root.classList.add("paper"); draw(); });
  addEventListener("afterprint", () => { root.classList.remove("paper"); draw(); });
})();
