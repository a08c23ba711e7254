// Writes the outlines of Europe's countries, projected and simplified, for the pages' maps.
import { readFileSync, writeFileSync } from "node:fs";
import { geoAzimuthalEqualArea, geoPath } from "d3-geo";
import { feature } from "topojson-client";
import { filter, filterAttachedWeight, presimplify, simplify } from "topojson-simplify";

// ISO 3166 numbers, as world-atlas has them, and codes, as entries have them.
const CODES = {
  "008": "AL", "020": "AD", "040": "AT", "056": "BE", "070": "BA", "100": "BG", "112": "BY",
  "191": "HR", "196": "CY", "203": "CZ", "208": "DK", "233": "EE", "246": "FI", "250": "FR",
  "276": "DE", "300": "GR", "348": "HU", "352": "IS", "372": "IE", "380": "IT", "428": "LV",
  "438": "LI", "440": "LT", "442": "LU", "470": "MT", "498": "MD", "499": "ME", "528": "NL",
  "578": "NO", "616": "PL", "620": "PT", "642": "RO", "643": "RU", "688": "RS", "703": "SK",
  "705": "SI", "724": "ES", "752": "SE", "756": "CH", "792": "TR", "804": "UA", "807": "MK",
  "826": "GB",
};
const SIZE = 1000;
const [SCALE, X, Y] = [1390, 430, 540];
// The projection of European statistics: equal areas around 52° north, 10° east (ETRS89-LAEA).
const projection = geoAzimuthalEqualArea()
  .rotate([-10, -52])
  .scale(SCALE)
  .translate([X, Y])
  .clipExtent([[0, 0], [SIZE, SIZE]])
  .precision(0);
// Triangles and islands below this area, in square degrees, are left out.
const DETAIL = 0.025;
const world = JSON.parse(readFileSync("node_modules/world-atlas/countries-50m.json", "utf-8"));
const weighed = presimplify(world);
const plain = filter(simplify(weighed, DETAIL), filterAttachedWeight(weighed, DETAIL));
const path = geoPath(projection).digits(0);
const countries = {};
for (const shape of feature(plain, plain.objects.countries).features) {
  const code = CODES[shape.id] ?? (shape.properties.name === "Kosovo" && "XK");
  const outline = code && path(shape);
  if (outline) countries[code] = outline;
}
writeFileSync(process.argv[2], JSON.stringify({ size: SIZE, scale: SCALE, x: X, y: Y, countries }));
