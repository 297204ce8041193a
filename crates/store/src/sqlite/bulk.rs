//! Rows of one table, many with one statement: to begin a statement costs as much as a row.

use rusqlite::{Connection, Result, ToSql, params_from_iter};

/// Rows of one statement.
const AT_ONCE: usize = 32;

/// Inserts rows in their order. `insert` is all up to `VALUES`, `row` a row of placeholders.
pub(super) fn insert_rows<'a, T, V>(
    connection: &Connection,
    insert: &str,
    row: &str,
    rows: &'a [T],
    values: impl Fn(&'a T) -> V,
) -> Result<()>
where
    V: IntoIterator<Item: ToSql>,
{
    let one = format!("{insert} {row}");
    let many = format!("{insert} {}", [row; AT_ONCE].join(", "));
    let whole = rows.chunks_exact(AT_ONCE);
    let rest = whole.remainder().chunks(1).map(|chunk| (&one, chunk));
    for (sql, chunk) in whole.map(|chunk| (&many, chunk)).chain(rest) {
        connection.prepare_cached(sql)?.execute(params_from_iter(chunk.iter().flat_map(&values)))?;
    }
    Ok(())
}
