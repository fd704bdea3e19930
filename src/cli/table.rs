//! Tables on the terminal: words on the left, numbers in columns that end on the right.

use comfy_table::{CellAlignment, Table, presets};

pub(super) fn table<R: IntoIterator<Item = String>>(head: &[&str], rows: impl Iterator<Item = R>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(head);
    rows.for_each(|row| _ = table.add_row(row));
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table.to_string()
}
