// Draws the table beside it as a graph: who asks, what ties, who was found. Nothing moves.
document.addEventListener("DOMContentLoaded", () => {
  const box = document.querySelector("[data-web]");
  const table = box && document.getElementById(box.dataset.web);
  if (!table || typeof cytoscape === "undefined") return;
  // Cytoscape adds a style element, which our security policy forbids, unless it finds this name;
  // the rule that it needs is in our own sheet.
  document.querySelector("link[rel=stylesheet]").id = "__________cytoscape_stylesheet";

  const GAP = 14, LINE = 16, LETTER = 7, LONGEST = 70;
  const nodes = new Map(), edges = new Map();
  const node = (column, text, href = "") => {
    const id = `${column} ${text}`;
    if (!nodes.has(id)) nodes.set(id, { id, column, text, href });
    return id;
  };
  const edge = (source, target, kind) =>
    edges.set(`${source}|${target}|${kind}`, { source, target, kind });
  const centre = node(0, table.dataset.centre);
  for (const row of table.tBodies[0].rows) {
    const kind = row.dataset.kind ?? "";
    const name = row.querySelector("th a") ?? row.querySelector("th");
    const who = node(2, name.innerText.trim(), name.href);
    const through = row.querySelectorAll("[data-through] li");
    for (const item of through) {
      const tie = node(1, item.innerText.trim(), item.querySelector("a")?.href);
      if (kind !== "open") edge(centre, tie, "");
      edge(tie, who, kind);
    }
    if (!through.length) edge(centre, who, kind);
  }

  box.hidden = false;
  const cy = cytoscape({
    container: box,
    elements: [
      ...[...nodes.values()].map((data) => ({ data })),
      ...[...edges.values()].map((data) => ({ data })),
    ],
    layout: { name: "null" },
    userZoomingEnabled: false,
    userPanningEnabled: false,
    boxSelectionEnabled: false,
    autoungrabify: true,
    autounselectify: true,
  });

  // How many lines a text takes, and the text cut to what can be read in a box.
  const wrapped = (text, width) => {
    const short = text.length > LONGEST ? `${text.slice(0, LONGEST).replace(/\s+\S*$/, "")}…` : text;
    const most = Math.floor(width / LETTER);
    let lines = 1, used = 0;
    for (const word of short.split(/\s+/)) {
      if (used && used + 1 + word.length > most) [lines, used] = [lines + 1, 0];
      lines += Math.floor(word.length / (most + 1));
      used += word.length + 1;
    }
    return { short, lines };
  };

  // Three columns; two where there is little room, and what all have in common left out.
  const place = () => {
    const width = box.clientWidth, narrow = width < 600;
    const direct = cy.getElementById(centre).outgoers("node[column = 2]").nonempty();
    const shown = narrow ? [[0, 1], [2]] : [[0], [1], [2]];
    const columns = shown
      .map((numbers) => cy.nodes().filter((n) => numbers.includes(n.data("column"))))
      .map((column) => (narrow && !direct ? column.filter((n) => n.id() !== centre) : column))
      .filter((column) => column.nonempty());
    const size = Math.min(230, (width - 40 * (columns.length - 1)) / columns.length - 4);
    const heights = columns.map((column) => {
      let height = 0;
      column.forEach((n) => {
        const { short, lines } = wrapped(n.data("text"), size - 16);
        n.data({ short, size, height: lines * LINE + 12 });
        height += n.data("height") + GAP;
      });
      return height;
    });
    const tallest = Math.max(...heights);
    box.style.height = `${tallest + GAP}px`;
    cy.resize();
    cy.getElementById(centre).style("display", narrow && !direct ? "none" : "element");
    columns.forEach((column, number) => {
      const room = columns.length > 1 ? (width - size - 4) / (columns.length - 1) : 0;
      const between = (tallest - heights[number]) / column.length;
      let top = GAP + between / 2;
      column.forEach((n) => {
        n.position({ x: 2 + size / 2 + number * room, y: top + n.data("height") / 2 });
        top += n.data("height") + GAP + between;
      });
    });
    cy.viewport({ zoom: 1, pan: { x: 0, y: 0 } });
  };

  const paint = () => {
    const page = getComputedStyle(document.documentElement);
    const colour = (name) => page.getPropertyValue(`--${name}`).trim();
    const tie = (kind, name, style, width) => ({
      selector: `edge[kind = "${kind}"]`,
      style: { "line-color": colour(name), "line-style": style, width },
    });
    cy.style([
      {
        selector: "node[size]",
        style: {
          shape: "round-rectangle", width: "data(size)", height: "data(height)",
          "background-color": colour("surface"), "border-width": 1, "border-color": colour("edge"),
          label: "data(short)", color: colour("ink"), "font-size": 13, "line-height": 1.2,
          "font-family": getComputedStyle(document.body).fontFamily,
          "text-valign": "center", "text-wrap": "wrap",
          "text-max-width": (n) => n.data("size") - 16,
        },
      },
      { selector: "node[column = 0]", style: { "background-color": colour("accent-soft") } },
      { selector: "node[column = 1]", style: { "background-color": colour("sunk") } },
      { selector: "node[href]", style: { "border-color": colour("accent") } },
      {
        selector: "edge",
        style: {
          "curve-style": "bezier", "control-point-step-size": 24, width: 1,
          "line-color": colour("edge"), "source-endpoint": "90deg", "target-endpoint": "270deg",
        },
      },
      tie("peer", "accent", "solid", 2),
      tie("mentor", "warm", "dashed", 2),
      tie("role", "good", "dotted", 3),
      tie("exchange", "ink", "solid", 3),
      tie("open", "warm", "dotted", 2),
      { selector: ".aside", style: { opacity: 0.15 } },
    ]).update();
  };

  cy.on("mouseover", "node", ({ target }) => {
    const near = target.closedNeighborhood();
    cy.elements().not(near.union(near.nodes("[column = 1]").closedNeighborhood())).addClass("aside");
    box.style.cursor = target.data("href") ? "pointer" : "";
  });
  cy.on("mouseout", "node", () => {
    cy.elements().removeClass("aside");
    box.style.cursor = "";
  });
  cy.on("tap", "node", ({ target }) => {
    if (target.data("href")) location.href = target.data("href");
  });
  let drawn = 0;
  new ResizeObserver(() => {
    if (drawn !== box.clientWidth) place();
    drawn = box.clientWidth;
  }).observe(box);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  place();
  paint();
});
