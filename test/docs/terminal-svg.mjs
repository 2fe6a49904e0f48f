/** A picture of a terminal: lines of text, with the colours that a program has given them. */
const LINE = 18;
const COLOURS = { 31: "#ff8080", 32: "#8be28b", 33: "#e8c76a", 36: "#7ee0ff", 90: "#8a909c" };
const PLAIN = "#d6dae3";
const DIM = "#8a909c";

/** `rows` are lists of pieces {text, fill, bold}. */
export function terminalSvg(rows) {
  const height = 60 + rows.length * LINE;
  const lines = rows.map(
    (pieces, i) =>
      `<text x="20" y="${40 + i * LINE}" xml:space="preserve">${pieces.map(piece).join("")}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 ${height}" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="13.5">
<rect width="860" height="${height}" rx="8" fill="#14161c"/>
${lines.join("\n")}
</svg>
`;
}

/** What is left on the screen of what was written to it, cut at `width`. */
export function screenRows(written, width) {
  const lines = written.replaceAll("\r\n", "\n").split("\n");
  // A line that is drawn again begins with a return and the order to erase it.
  const last = lines.map((line) => line.split("\r\u001B[2K").at(-1) ?? "");
  return last.map((line) => coloured(line, width));
}

function coloured(line, width) {
  const pieces = [];
  let fill = PLAIN;
  let bold = false;
  let left = width;
  for (const part of line.split(/(\u001B\[\d+m)/)) {
    const code = /^\u001B\[(\d+)m$/.exec(part)?.[1];
    if (code === undefined) {
      const text = part.length > left ? `${part.slice(0, Math.max(0, left - 1))}…` : part;
      if (text !== "" && left > 0) pieces.push({ text, fill, bold });
      left -= part.length;
    } else if (code === "1") bold = true;
    else if (code === "2") fill = DIM;
    else if (code === "22") [bold, fill] = [false, fill === DIM ? PLAIN : fill];
    else if (code === "39" || code === "0") fill = PLAIN;
    else fill = COLOURS[code] ?? fill;
  }
  return pieces;
}

const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function piece({ text, fill, bold = false }) {
  return `<tspan fill="${fill}"${bold ? ' font-weight="bold"' : ""}>${escape(text)}</tspan>`;
}
