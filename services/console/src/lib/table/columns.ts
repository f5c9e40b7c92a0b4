/** What a table's column is. */
export interface Column<Row> {
  key: string;
  title: string;
  /** The name by which the service sorts it; left out, it sorts by something else. */
  sort?: string;
  /** Numbers, sizes and times stand at the end. */
  align?: 'end';
  /** 1 is always there; 2 goes below 1100 px, 3 below 1400 px. On a phone 1 and 2 stand below each other. */
  priority?: 1 | 2 | 3;
  /** The table's `cell` snippet draws it on the screen. */
  drawn?: true;
  /** Its text in a CSV file, and on the screen unless it is drawn. */
  text: (row: Row) => string;
}

/** A filter above the table. */
export interface Filter {
  name: string;
  label: string;
  options: { value: string; label: string }[];
}
