// Rows under headings, in columns as wide as they need to be, in the manner of kubectl.

export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, column) => {
    return rows.reduce((width, row) => Math.max(width, printable(row[column]).length), heading.length);
  });
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column === row.length - 1 ? printable(cell) : printable(cell).padEnd(widths[column] ?? 0),
      )
      .join("   ")
      .trimEnd();
  return `${[headings, ...rows].map(line).join("\n")}\n`;
}

/** What other machines sent must not drive this terminal. */
export function printable(cell: string | undefined): string {
  return (cell === undefined || cell === "" ? "-" : cell).replace(/\p{Cc}/gu, "?");
}
